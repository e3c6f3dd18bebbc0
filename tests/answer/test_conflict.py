from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rag import words
from rag.answer.choose import Choice
from rag.answer.conflict import Disagreement, conflicts
from rag.answer.features import Candidate, candidates
from rag.answer.question import Question, analyse
from rag.types import Article, Conflict
from tests.answer.build import found
from tests.stand_in import StandIn

EARLY, LATE = "2024-05-01", "2024-05-03"


def asked(text: str) -> Question:
    return analyse(text, {word.stem: 3 for word in words.content_words(text)}, 100)


def sentences(question: Question, *articles: Article) -> list[Candidate]:
    """The sentences of some articles, with vectors whose cosine is that of their bags of words."""
    listed = candidates(question, StandIn().encode_query(question.text), found(*articles))
    vocabulary = sorted({stem for candidate in listed for stem in candidate.stems})
    bags = [Counter(words.stems(candidate.text)) for candidate in listed]
    rows = [np.array([bag[stem] for stem in vocabulary], np.float32) for bag in bags]
    return [replace(candidate, vector=row / np.linalg.norm(row)) for candidate, row in zip(listed, rows, strict=True)]


def compare(
    question: str, one: str, other: str, *, dates: tuple[str | None, str | None] = (EARLY, LATE)
) -> list[Disagreement]:
    """What does not agree when the first of two articles' sentences was chosen."""
    analysed = asked(question)
    articles = [
        Article(id=key, text=text, published=date) for key, text, date in zip("ab", (one, other), dates, strict=True)
    ]
    listed = sentences(analysed, *articles)
    return conflicts(analysed, [Choice(listed[0], 1.0, ())], listed)


DEAD = "How many people died in the Kerak factory fire?"
COST = "How much did the Orlen bridge cost?"
OPENED = "When did the Orlen bridge open?"


@pytest.mark.parametrize(
    ("question", "one", "other", "expected"),
    [
        (DEAD, "37 people died in the Kerak factory fire.", "Thirty-nine people died in the Kerak factory fire.", ("37", "Thirty-nine")),
        (DEAD, "The Kerak factory fire killed 20 people.", "The death toll in the Kerak factory fire rose from 20 to 24.", ("20", "24")),
        (DEAD, "Some 20 people died in the Kerak factory fire.", "The Kerak factory fire killed 52 people.", ("Some 20", "52")),
        (DEAD, "At least 30 people died in the Kerak factory fire.", "The Kerak factory fire killed 21 people.", ("At least 30", "21")),
        (DEAD, "Between 36 and 40 people died in the Kerak factory fire.", "68 people died in the Kerak factory fire.", ("36 and 40", "68")),
        (DEAD, "A hundred and twenty people died in the Kerak factory fire.", "The Kerak factory fire killed 170 people.", ("hundred and twenty", "170")),
        (COST, "The Orlen bridge cost $1.2 billion, the ministry said.", "The Orlen bridge cost 1.3 billion dollars, auditors said.", ("$1.2 billion", "1.3 billion")),
        ("How many delegates attended the Lorne congress?", "The Lorne congress drew 800 delegates.", "The Lorne congress drew 1,048 delegates.", ("800", "1,048")),
        ("What percentage of voters backed the Lorne treaty?", "The Lorne treaty was backed by 54% of voters.", "The Lorne treaty was backed by 61 per cent of voters.", ("54%", "61 per cent")),
    ],
)  # fmt: skip
def test_another_figure_for_the_same_thing_is_a_conflict(
    question: str, one: str, other: str, expected: tuple[str, str]
) -> None:
    told = compare(question, one, other)
    assert [(found.kind, found.words) for found in told] == [("figure", expected)]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # the same, rounded, or bounded
        (DEAD, "39 people died in the Kerak factory fire.", "Thirty-nine people died in the Kerak factory fire."),
        (DEAD, "About 40 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire."),
        (DEAD, "At least 20 people died in the Kerak factory fire.", "24 people died in the Kerak factory fire."),
        (DEAD, "At least a dozen people died in the Kerak factory fire.", "18 people died in the Kerak factory fire."),
        (DEAD, "Up to 50 people died in the Kerak factory fire.", "18 people died in the Kerak factory fire."),
        (DEAD, "Between 36 and 40 people died in the Kerak factory fire.", "38 people died in the Kerak factory fire."),
        (COST, "The Orlen bridge cost $1.2 billion, the ministry said.", "The Orlen bridge cost $1,234,000,000, auditors said."),
        ("How many delegates attended the Lorne congress?", "The Lorne congress drew more than 1,000 delegates.", "The Lorne congress drew 1,048 delegates."),
        ("How many delegates attended the Lorne congress?", "The Lorne congress drew 1,000 delegates.", "The Lorne congress drew 1,048 delegates."),
        # another thing, or a part of it
        (DEAD, "37 people died in the Kerak factory fire.", "39 people were injured in the Kerak factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "Six children died in the Kerak factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "Another 12 people died in the Kerak factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "Two of the people who died in the Kerak factory fire were guards."),
        (DEAD, "37 people died in the Kerak factory fire.", "A guard aged 52 died in the Kerak factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "Officials feared 50 people died in the Kerak factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "The Kerak factory fire may have killed 50 people."),
        (COST, "The Orlen bridge cost $1.2 billion, the ministry said.", "The Orlen bridge cost 1.3 billion euros, auditors said."),
        # another event
        (DEAD, "37 people died in the Kerak factory fire.", "39 people died in the Tamun factory fire."),
        (DEAD, "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire in 2011."),
        (DEAD, "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire last year."),
        (DEAD, "37 people died in the Kerak factory fire on Monday.", "39 people died in the Kerak factory fire on April 20."),
        # not what is asked
        ("Who ran the Kerak factory?", "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire."),
        ("How many fires did the Kerak factory have?", "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire."),
    ],
)  # fmt: skip
def test_other_figures_are_no_conflict(question: str, one: str, other: str) -> None:
    assert compare(question, one, other) == []


def test_articles_long_apart_tell_of_different_events() -> None:
    one, other = "37 people died in a Kerak factory fire.", "39 people died in a Kerak factory fire."
    assert compare(DEAD, one, other, dates=("2024-05-01", "2024-05-03"))
    assert compare(DEAD, one, other, dates=("2022-05-01", "2024-05-03")) == []


def test_an_article_can_correct_itself() -> None:
    text = (
        "A fire broke out at the Kerak factory on Monday. Officials first said 14 people died in the Kerak factory fire.\n\n"
        "The confirmed death toll in the fire now stands at 31 people, officials said."
    )
    question = asked(DEAD)
    listed = sentences(question, Article(id="a", text=text, published=LATE))
    told = conflicts(question, [Choice(listed[1], 1.0, ())], listed)
    assert [(found.words, found.newer) for found in told] == [(("14", "31"), None)]


def test_an_article_tells_of_other_deaths_too() -> None:
    text = (
        "A fire at the Kerak factory killed 37 people on Monday. Officials said three people died near the river.\n\n"
        "Last month a Kerak factory fire killed five people."
    )
    question = asked(DEAD)
    listed = sentences(question, Article(id="a", text=text, published=LATE))
    assert conflicts(question, [Choice(listed[0], 1.0, ())], listed) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The Orlen bridge opened on April 3, 2024.", "The Orlen bridge opened on April 13, 2024.", ("April 3, 2024", "April 13, 2024")),
        ("The Orlen bridge opened on Monday.", "The Orlen bridge opened on April 25.", ("Monday", "April 25")),
        ("Trains first crossed the Orlen bridge when it opened in March 2024.", "Trains first crossed the Orlen bridge when it opened on 25 April.", ("March 2024", "25 April")),
        ("The Orlen bridge opened in 1998.", "The Orlen bridge opened in 1999.", ("1998", "1999")),
    ],
)  # fmt: skip
def test_another_date_of_the_same_event_is_a_conflict(one: str, other: str, expected: tuple[str, str]) -> None:
    assert [(found.kind, found.words) for found in compare(OPENED, one, other)] == [("date", expected)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Orlen bridge opened on Monday.", "The Orlen bridge opened on April 29."),
        ("The Orlen bridge opened yesterday.", "The Orlen bridge opened on Tuesday."),
        ("The Orlen bridge opened in April 2024.", "The Orlen bridge opened on April 25."),
        ("The Orlen bridge opened on April 3, 2024.", "The Orlen bridge closed on April 25, 2024."),
        ("The Orlen bridge opened on April 3, 2024.", "The Orlen bridge has been open since April 25, 2024."),
        ("The Orlen bridge opened on April 3, 2024.", "The Orlen bridge did not open on April 25, 2024."),
        ("The Orlen bridge opened on April 3, 2024.", "The Orlen bridge opened on April 25 or April 26, 2024."),
        ("The Orlen bridge opened on April 3, 2024.", "The Tamun bridge opened on April 25, 2024."),
        ("The Orlen bridge is to open on Monday.", "The Orlen bridge opened on April 2."),
    ],
)
def test_other_dates_are_no_conflict(one: str, other: str) -> None:
    assert compare(OPENED, one, other) == []


def test_a_weekday_without_a_day_of_publication_tells_no_date() -> None:
    one, other = "The Orlen bridge opened on Monday.", "The Orlen bridge opened on April 25, 2024."
    assert compare(OPENED, one, other, dates=("2024-05", LATE)) == []


@pytest.mark.parametrize(
    ("question", "one", "other", "expected"),
    [
        ("Did Veldt pay bribes?", "Prosecutors say Veldt paid bribes to ministers in Lorne.", "Veldt denied having paid bribes to ministers.", ("paid bribes to ministers", "denied")),
        ("Did Veldt pay bribes?", "Prosecutors say Veldt paid bribes to ministers in Lorne.", "Veldt rejected allegations of bribes paid to Lorne ministers.", ("paid bribes to ministers in Lorne", "rejected")),
        ("Who attacked the Kerak depot?", "Rebels attacked the Kerak depot, the army said.", "The rebels denied that they attacked the Kerak depot.", ("attacked the Kerak depot", "denied")),
        ("Did Carden sign the Lorne treaty?", "Carden had signed the Lorne treaty, Veldt said.", "Carden has not signed the Lorne treaty, Molden said.", ("signed", "has not signed")),
    ],
)  # fmt: skip
def test_a_denial_of_the_same_claim_is_a_conflict(
    question: str, one: str, other: str, expected: tuple[str, str]
) -> None:
    assert [(found.kind, found.words) for found in compare(question, one, other)] == [("denial", expected)]
    assert [(found.kind, found.words) for found in compare(question, other, one)] == [("denial", expected[::-1])]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("What became of the Lorne appeal?", "Veldt made the Lorne appeal to the court.", "The court rejected the Lorne appeal by Veldt."),
        ("Did Veldt get bail in Lorne?", "Veldt asked the Lorne court for bail.", "The Lorne court denied Veldt bail."),
        ("Did Veldt pay bribes?", "Prosecutors say Veldt paid bribes to ministers in Lorne.", "Veldt denied that he knew the ministers in Lorne."),
        ("Did Veldt pay bribes?", "Veldt denied having paid bribes.", "Veldt denies having paid bribes to ministers."),
        ("Did Carden sign the Lorne treaty?", "Carden signed the Lorne treaty.", "Carden would not have signed if the Lorne treaty had failed."),
        ("Did Carden sign the Lorne treaty?", "Carden signed the Lorne treaty.", "Molden has not signed the Lorne treaty in Tamun with Carden, Veldt and Ost."),
    ],
)  # fmt: skip
def test_a_refusal_or_another_denial_is_no_conflict(question: str, one: str, other: str) -> None:
    assert compare(question, one, other) == []


@pytest.mark.parametrize(
    ("dates", "newer"),
    [((EARLY, LATE), 1), ((LATE, EARLY), 0), ((EARLY, EARLY), None), ((EARLY, None), None), (("2024-05", LATE), None)],
)
def test_the_later_article_is_named_as_newer(dates: tuple[str | None, str | None], newer: int | None) -> None:
    told = compare(
        DEAD, "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire.", dates=dates
    )
    assert [found.newer for found in told] == [newer]


def test_a_disagreement_becomes_a_conflict_of_two_citations() -> None:
    [told] = compare(DEAD, "37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire.")
    assert told.chosen == 0
    assert told.other.hit.article.id == "b"
    assert told.between(1, 3) == Conflict(kind="figure", citations=(1, 3), words=("37", "39"), newer=3)


def test_chosen_sentences_are_compared_with_each_other_once() -> None:
    question = asked(DEAD)
    texts = ("37 people died in the Kerak factory fire.", "39 people died in the Kerak factory fire.")
    listed = sentences(question, *(Article(id=key, text=text) for key, text in zip("ab", texts, strict=True)))
    told = conflicts(question, [Choice(candidate, 1.0, ()) for candidate in listed], listed)
    assert [(found.chosen, found.other.hit.article.id) for found in told] == [(0, "b")]


def test_a_figure_repeated_by_others_is_listed_once() -> None:
    question = asked(DEAD)
    texts = (
        "37 people died in the Kerak factory fire.",
        "39 people died in the Kerak factory fire.",
        "The Kerak factory fire killed 39 people.",
    )
    listed = sentences(question, *(Article(id=key, text=text) for key, text in zip("abc", texts, strict=True)))
    told = conflicts(question, [Choice(listed[0], 1.0, ())], listed)
    assert [found.words for found in told] == [("37", "39")]


def test_nothing_chosen_conflicts_with_nothing() -> None:
    assert conflicts(asked(DEAD), [], []) == []
