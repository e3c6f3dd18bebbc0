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
