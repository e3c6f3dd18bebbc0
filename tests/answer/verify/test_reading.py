"""Texts are read as terms: words, and the facts among them, which are names, numbers and dates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import words
from rag.answer.verify.reading import Term, Text, names_in, read, shortened

TEXT = "Mayor Edda Quarl paid 40 crowns to Orrin on Tuesday, in May 2019."


def _kinds(text: str, *known: str) -> dict[str, str]:
    return {term.surface: term.kind for term in read(text, frozenset(words.stem(name) for name in known)).terms}


def _term(text: str, surface: str) -> Term:
    return next(term for term in read(text).terms if term.surface == surface)


def _has(text: str, other: str, surface: str) -> bool:
    return read(text).has(_term(other, surface))


def test_a_text_is_its_content_words_and_facts_in_order() -> None:
    found = read(TEXT)
    assert _kinds(TEXT) == {
        "Mayor": "word",
        "Edda": "name",
        "Quarl": "name",
        "paid": "word",
        "40": "number",
        "crowns": "word",
        "Orrin": "name",
        "Tuesday": "date",
        "May": "date",
        "2019": "date",
    }
    assert [term.at for term in found.terms] == list(range(10))
    assert found.stems == {term.stem for term in found.terms}
    assert [term.surface for term in found.terms if term.number is not None] == ["40", "2019"]


def test_a_number_of_several_words_is_one_term() -> None:
    assert _kinds("The toll brought one hundred and five thousand crowns.") == {
        "toll": "word",
        "brought": "word",
        "one hundred and five thousand": "number",
        "crowns": "word",
    }


def test_a_text_without_words_has_no_terms() -> None:
    for text in ("", " \n", "…?!", "of the and"):
        assert read(text) == Text((), frozenset(), frozenset())


@pytest.mark.parametrize(
    "text", ["Quarl left.", "They met. Quarl left.", "“Quarl left,” he said.", "He said: Quarl left.", "(Quarl left.)"]
)
def test_the_first_word_of_a_sentence_is_a_name_only_where_it_is_known_to_be_one(text: str) -> None:
    assert _kinds(text)["Quarl"] == "word"
    assert _kinds(text, "Quarl")["Quarl"] == "name"


def test_a_country_and_an_acronym_are_names_where_a_sentence_starts() -> None:
    assert _kinds("France won.")["France"] == "name"
    assert _kinds("OLVA won.")["OLVA"] == "name"
    assert _kinds("Fishermen won.")["Fishermen"] == "word"


def test_march_and_may_are_months_with_a_capital_inside_a_sentence_alone() -> None:
    assert _kinds("They left in March.")["March"] == "date"
    assert _kinds("March on, he said.").get("March") == "word"
    assert _kinds("They march on.")["march"] == "word"
    assert "May" not in _kinds("May they march on.")
    assert _kinds("August was dry.")["August"] == "date"
    assert _kinds("An august hall.")["august"] == "word"
    assert _kinds("on monday")["monday"] == "date"


def test_an_acronym_that_is_spelled_as_a_function_word_is_a_name() -> None:
    assert _kinds("Staff of IT left the US.") == {"Staff": "word", "IT": "name", "left": "word", "US": "name"}
    assert _kinds("They told us of it.") == {"told": "word"}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("the United States", "the US"),
        ("the United States of America", "the US"),
        ("the U.S. envoy", "the US envoy"),
        ("U.S.A. law", "US law"),
        ("the United Kingdom", "the UK"),
        ("Great Britain", "UK"),
        ("the United Nations", "the UN"),
        ("the U.N. envoy", "the UN envoy"),
        ("the European Union", "the EU"),
        ("the United Salt Works", "the United Salt Works"),
    ],
)
def test_names_with_a_short_form_that_all_know_are_read_as_that(text: str, short: str) -> None:
    assert shortened(text) == short
    assert read(text) == read(short)


def test_a_name_is_known_by_the_initials_of_another_text() -> None:
    assert _has("The Lode Valley Authority met.", "It is the LVA.", "LVA")
    assert _has("The Ministry of Salt and Trade met.", "It is the MST.", "MST")
    assert not _has("The Lode Valley Authority met.", "It is the LVB.", "LVB")
    assert not _has("The lode valley authority met.", "It is the LVA.", "LVA")


def test_names_side_by_side_are_one_run() -> None:
    terms = read("They saw Edda Quarl and Jonas Tweel, Port-Annick Orrin").terms
    runs: dict[int, list[str]] = {}
    for term in terms:
        runs.setdefault(term.run, []).append(term.surface)
    assert runs.pop(-1) == ["saw"]
    assert list(runs.values()) == [["Edda", "Quarl"], ["Jonas", "Tweel"], ["Port", "Annick", "Orrin"]]


def test_a_text_has_a_term_in_another_form() -> None:
    assert _has("Twelve ferries sailed.", "They saw 12 ferries.", "12")
    assert _has("About 1,234,500 people came.", "They were 1.2 million.", "1.2 million")
    assert not _has("About 1.2 million people came.", "They were 1,234,500.", "1,234,500")
    assert _has("He went to France.", "A French ship came.", "French")
    assert _has("The ferries sailed.", "A ferry came.", "ferry")
    assert not _has("The ferries sailed in May 2019.", "In May 2018 all was well.", "2018")
    assert not _has("The ferries sailed in May.", "They sailed in June.", "June")


def test_the_sides_of_a_term_leave_out_the_rest_of_its_name() -> None:
    text = read(TEXT)
    at = next(term.at for term in text.terms if term.surface == "Quarl")
    before, after = text.sides(at)
    assert before == {words.stem("mayor")}
    assert after == {words.stem("paid"), "40", words.stem("crowns")}


def test_the_names_of_a_text_have_a_capital_inside_a_sentence() -> None:
    assert names_in("Fishermen fear Edda Quarl. Moorings in Orrin broke.") == {
        words.stem(name) for name in ("Edda", "Quarl", "Orrin")
    }
    assert names_in("Fishermen fear the cliffs.") == frozenset()


def test_a_possessive_ending_makes_the_first_word_a_name() -> None:
    assert names_in("Quarl's plan failed.") == {words.stem("Quarl")}
    assert names_in("“Quarl’s plan failed.") == {words.stem("Quarl")}
    assert names_in("Quarl said so.") == frozenset()


@given(st.text(max_size=80) | st.lists(st.sampled_from([*TEXT.split(), "U.S.", "“", "it’s", "NO"])).map(" ".join))
def test_any_text_is_read(text: str) -> None:
    found = read(text)
    assert [term.at for term in found.terms] == list(range(len(found.terms)))
    assert all(found.has(term) for term in found.terms if term.number is None)
    assert all((term.run >= 0) == (term.kind == "name") for term in found.terms)
    assert {term.stem for term in found.terms if term.kind == "name"} <= names_in(text)
