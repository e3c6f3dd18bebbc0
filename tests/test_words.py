from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.words import content_words, related, stands_in, stem, stems, words


def surfaces(text: str) -> list[str]:
    return [word.surface for word in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The mayor's plan", ["The", "mayor", "plan"]),
        ("The mayors’ plan", ["The", "mayors", "plan"]),
        ("U.S. and U.N. officials", ["US", "and", "UN", "officials"]),
        ("the U.S.'s view", ["the", "US", "view"]),
        ("3.5 of 10,000 votes.", ["3.5", "of", "10,000", "votes"]),
        ("well-known state_owned", ["well", "known", "state", "owned"]),
        ("", []),
        ("—… “”", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


@given(st.text(max_size=80))
@settings(deadline=None)
def test_offsets_are_code_points_in_order(text: str) -> None:
    at = 0
    for word in words(text):
        assert at <= word.start < word.end <= len(text)
        assert text[word.start : word.end].replace(".", "").casefold() == word.surface.replace(".", "").casefold()
        at = word.end


def test_offsets_count_characters_outside_the_basic_plane_once() -> None:
    text = "😀😀 Zürich"
    (word,) = words(text)
    assert text[word.start : word.end] == "Zürich"


@pytest.mark.parametrize(
    ("one", "other"), [("Talks", "talk"), ("ZÜRICH", "zurich"), ("café", "cafe"), ("negotiated", "negotiating")]
)
def test_stem_folds_case_accents_and_endings(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_stems_are_those_of_the_words_in_order() -> None:
    assert stems("Talks began") == [stem("talks"), stem("began")]


def test_content_words_leave_function_words_out_but_keep_acronyms() -> None:
    found = [word.surface for word in content_words("What did the US and the WHO tell us about IT?")]
    assert found == ["US", "WHO", "IT"]


def test_content_words_of_shouted_text_leave_function_words_out() -> None:
    assert [word.surface for word in content_words("WHAT DID THE MAYOR SAY?")] == ["MAYOR", "SAY"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("China", "Chinese"), ("China", "Beijing"), ("Chinese", "Beijing"), ("US", "Washington"), ("France", "Paris")],
)
def test_a_country_its_people_and_its_capital_are_related_both_ways(one: str, other: str) -> None:
    assert related(stem(one), stem(other))
    assert related(stem(other), stem(one))


def test_different_countries_are_not_related() -> None:
    assert not related(stem("China"), stem("Japanese"))
    assert not related(stem("Beijing"), stem("Tokyo"))
    assert not related(stem("Niger"), stem("mayor"))


@given(st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None)
def test_related_is_reflexive_and_symmetric(one: str, other: str) -> None:
    assert related(one, one)
    assert related(one, other) == related(other, one)


@given(st.text(alphabet="aZ.'’s U3,- \n“é", max_size=40) | st.text(max_size=60))
@settings(deadline=None)
@example("U.S.A. and the U.S.-backed mayors’ plan: it's 3.5")
@example("A.B.C")
def test_stems_alone_are_those_of_the_words_with_their_places(text: str) -> None:
    assert stems(text) == [word.stem for word in words(text)]


@given(
    st.sampled_from(["china", "beij", "chines", "russia", "putin", "us", "iran", "pari"]),
    st.frozensets(
        st.sampled_from(
            ["china", "beij", "chines", "russian", "putin", "us", "american", "iranian", "parisian", "chile"]
        )
    ),
)
def test_a_name_stands_in_words_when_it_is_related_to_one_of_them(name: str, there: frozenset[str]) -> None:
    assert stands_in(name, there) == any(related(name, one) for one in there)
