from __future__ import annotations

import pytest

from rag.evaluate.names import same_name

_SAME = [
    ("Ada Lovelace", "Lovelace"),
    ("Prime Minister Jane Doe", "Doe"),
    ("Chinese Foreign Ministry spokesperson Wei Jun", "Wei Jun"),
    ("President Doe", "Jane Doe"),
    ("J. Doe", "Jane Doe"),
    ("Doe, the mayor of Springfield", "Jane Doe"),
    ("the police", "Police"),
    ("spokesman for the ministry", "a ministry spokesman"),
    ("WHO", "World Health Organization"),
    ("EFF", "Electronic Frontier Foundation (EFF)"),
    ("U.S.", "United States"),
    ("Agnès Łee", "Agnes Łee"),
    ("Jane Doe and John Roe", "John Roe and Jane Doe"),
    ("Springfield police chief Jane Doe", "Jane Doe"),
    ("Roe's mother, Jane Doe", "Jane Doe"),
    ("Billionaire Jane Doe", "Jane Doe"),
    ("Prince John bin Roe of Springfield", "John bin Roe"),
    ("Professor Jane Doe, head of arts and sport", "Jane Doe"),
    ("Jane Doe, Chair in Politics in the Faculty of Arts and Sport", "Doe"),
    ("the Springfield mayor, Jane Doe", "Doe"),
    ("Springfield's chief constable Jane Doe", "Jane Doe"),
    ("Secretary of State Jane Doe", "Jane Doe"),
    ("the State Department", "United States Department of State"),
    ("the Springfield Embassy in London", "Springfield Embassy"),
    ("Jane Doe, John Roe and Mary Poe", "Mary Poe, Jane Doe, and John Roe"),
]
_DIFFERENT = [
    ("Jane Doe", "John Doe"),
    ("J. Doe", "Mary Doe"),
    ("Doe's doctors", "Jane Doe"),
    ("White House doctors", "the White House"),
    ("the Foreign Ministry", "the Ministry"),
    ("Springfield Times", "London Times"),
    ("Washington", "Washington Post"),
    ("Jane Doe", "Jane Doe and John Roe"),
    ("the Springfield government", "Springfield"),
    ("he", "Jane Doe"),
    ("critics of Jane Doe", "Jane Doe"),
    ("data from the Springfield Archive", "Springfield Archive"),
    ("a spokesman for Jane Doe", "Jane Doe"),
    ("Jane Doe's lawyer", "Jane Doe"),
    ("the ministry of finance", "the ministry of defence"),
    ("officials", "intelligence officials"),
    ("Springfield officials", "Springfield"),
    ("", "Jane Doe"),
    ("", ""),
]


@pytest.mark.parametrize(("one", "other"), _SAME)
def test_one_speaker(one: str, other: str) -> None:
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(("one", "other"), _DIFFERENT)
def test_two_speakers(one: str, other: str) -> None:
    assert not same_name(one, other)
    assert not same_name(other, one)


def test_an_official_named_with_another_determiner_is_the_same() -> None:
    assert same_name("one official", "the official")
    assert not same_name("one official", "the minister")
