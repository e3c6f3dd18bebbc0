from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rag import words
from rag.answer.choose import Choice
from rag.answer.conflict import Disagreement, conflicts
from rag.answer.conflict.attribution import without_days_of_saying
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


# The day of the saying and the day of the event


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("37 people died, officials said on Tuesday.", "37 people died, officials said."),
        ("37 people died, officials said in a statement late on Tuesday.", "37 people died, officials said in a statement."),
        ("37 people died, the ministry of health reported on Tuesday.", "37 people died, the ministry of health reported."),
        ("37 people died, said Anna Reuss on May 3, 2024.", "37 people died, said Anna Reuss."),
        ("Reuss said on Monday that 37 people died.", "Reuss said that 37 people died."),
        ("Reuss told reporters on Monday morning that 37 people died.", "Reuss told reporters that 37 people died."),
        ("The army on Monday said 37 people died.", "The army said 37 people died."),
        ("On Monday, the army announced that 37 people died.", ", the army announced that 37 people died."),
        ("37 people died, according to the army on Monday.", "37 people died, according to the army."),
        ("37 people died on Sunday, officials said on Tuesday.", "37 people died on Sunday, officials said."),
        ("Rain fell. Officials said on Monday that 37 people died. It fell on Sunday.", "Rain fell. Officials said that 37 people died. It fell on Sunday."),
    ],
)  # fmt: skip
def test_the_day_of_the_saying_is_left_out(text: str, expected: str) -> None:
    assert " ".join(without_days_of_saying(text).split()).replace(" ,", ",").replace(" .", ".") == expected


@pytest.mark.parametrize(
    "text",
    [
        "37 people died on Monday, officials said.",
        "37 people died on Monday, said officials.",
        "On Monday a bomb killed 37 people, officials said.",
        "Officials said 37 people died on Monday.",
        "According to officials, 37 people died on Monday.",
        "Kerak reported 37 deaths on Monday.",
        "37 deaths were reported on Monday.",
        "The army was said on Monday to have withdrawn.",
    ],
)
def test_the_day_of_the_event_stays(text: str) -> None:
    assert without_days_of_saying(text) == text


def test_a_toll_that_is_revised_is_a_conflict_whenever_it_was_said() -> None:
    one = "Thirty-nine people died in the Kerak factory fire, officials said on Tuesday."
    other = "The interior ministry said on Monday that forty-three people died in the Kerak factory fire."
    told = compare(DEAD, one, other, dates=("2024-05-14", "2024-05-20"))
    assert [(found.words, found.newer) for found in told] == [(("Thirty-nine", "forty-three"), 1)]


def test_articles_that_open_with_when_it_was_said_may_tell_one_story() -> None:
    one = "37 people died in the Kerak factory fire. Ost came to the Kerak plant on Monday, May 13."
    other = "39 people died in the Kerak factory fire. Rescuers have left the Kerak plant, Ost said on Monday."
    dates = ("2024-05-14", "2024-05-20")
    assert [found.words for found in compare(DEAD, one, other, dates=dates)] == [("37", "39")]
    happened = other.replace(", Ost said on Monday", " on Monday")
    assert compare(DEAD, one, happened, dates=dates) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("On Monday 37 people died in a Kerak factory fire.", "On Tuesday 39 people died in a Kerak factory fire."),
        ("The Kerak factory fire killed 37 people on Monday, officials said on Tuesday.", "The Kerak factory fire killed 39 people on Sunday, officials said on Tuesday."),
        ("Kerak factory fire officials reported 37 deaths on Monday.", "Kerak factory fire officials reported 39 deaths on Tuesday."),
        ("37 new deaths in the Kerak factory fire were counted.", "39 new deaths in the Kerak factory fire were counted."),
    ],
)  # fmt: skip
def test_the_days_of_a_series_are_no_conflict(one: str, other: str) -> None:
    assert compare(DEAD, one, other, dates=("2024-05-13", "2024-05-14")) == []


# Bounds, scopes and sums


def test_a_lower_bound_that_a_later_article_raises_is_a_conflict() -> None:
    one, other = (
        "At least 20 people died in the Kerak factory fire.",
        "At least 35 people died in the Kerak factory fire.",
    )
    [told] = compare(DEAD, one, other)
    assert (told.kind, told.words, told.newer) == ("figure", ("At least 20", "At least 35"), 1)
    [told] = compare(DEAD, other, one, dates=(LATE, EARLY))
    assert (told.words, told.newer) == (("At least 35", "At least 20"), 0)


@pytest.mark.parametrize(
    ("one", "other", "dates"),
    [
        # the same day, no day, a lower bound that is lowered or little raised
        ("At least 20 people died in the Kerak factory fire.", "At least 35 people died in the Kerak factory fire.", (EARLY, EARLY)),
        ("At least 20 people died in the Kerak factory fire.", "At least 35 people died in the Kerak factory fire.", (EARLY, None)),
        ("At least 20 people died in the Kerak factory fire.", "At least 35 people died in the Kerak factory fire.", (LATE, EARLY)),
        ("At least 20 people died in the Kerak factory fire.", "At least 21 people died in the Kerak factory fire.", (EARLY, LATE)),
        # one of them no lower bound
        ("At least 20 people died in the Kerak factory fire.", "21 people died in the Kerak factory fire.", (EARLY, LATE)),
        ("20 people died in the Kerak factory fire.", "At least 20 people died in the Kerak factory fire.", (EARLY, LATE)),
        # something else is counted
        ("At least 20 people died in the Kerak factory fire.", "At least 35 people were injured in the Kerak factory fire.", (EARLY, LATE)),
        ("At least 20 children died in the Kerak factory fire.", "At least 35 people died in the Kerak factory fire.", (EARLY, LATE)),
    ],
)  # fmt: skip
def test_other_lower_bounds_are_no_conflict(one: str, other: str, dates: tuple[str | None, str | None]) -> None:
    assert compare(DEAD, one, other, dates=dates) == []


def test_one_article_does_not_raise_its_own_lower_bound() -> None:
    text = "At least 20 people died in the Kerak factory fire. At least 35 people died in the Kerak factory fire."
    question = asked(DEAD)
    listed = sentences(question, Article(id="a", text=text, published=LATE))
    assert conflicts(question, [Choice(listed[0], 1.0, ())], listed) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Lorne earthquake killed 20 people in Kerak.", "The Lorne earthquake killed 35 people in Tamun."),
        ("The Lorne earthquake killed 20 people in Kerak in Lorne.", "The Lorne earthquake killed 35 people in Lorne."),
        ("The Lorne earthquake killed 20 people in the city.", "The Lorne earthquake killed 35 people."),
        ("The Lorne earthquake killed 20 people.", "The Lorne earthquake killed 35 people across the country."),
        ("The Lorne earthquake killed 20 people in Lorne alone.", "The Lorne earthquake killed 35 people in Lorne."),
    ],
)
def test_a_city_and_its_country_have_different_tolls(one: str, other: str) -> None:
    assert compare("How many people did the Lorne earthquake kill?", one, other) == []


LOSS = "How much did the Orlen fund lose?"
VALUED = (
    "The Orlen fund is old. The Orlen fund lost about $8 billion from July to October 2008, its managers said. ",
    "Later counts of the Orlen fund were worse. ",
    "Veldt in March 2009 estimated the loss to be $12 billion.",
)


def within(text: str, first: str, second: str) -> list[tuple[str, str]]:
    """The differing words of two sentences of one article, the first of them chosen; their vectors are taken to be near."""
    question = asked(LOSS)
    listed = sentences(question, Article(id="a", title="Orlen fund", text=text))
    one, other = (
        replace(next(candidate for candidate in listed if start in candidate.text), vector=listed[0].vector)
        for start in (first, second)
    )
    return [found.words for found in conflicts(question, [Choice(one, 1.0, ())], [one, other])]


def test_another_value_of_the_same_loss_is_a_conflict() -> None:
    assert within("".join(VALUED), "$8 billion", "$12 billion") == [("about $8 billion", "$12 billion")]


@pytest.mark.parametrize(
    "last",
    [
        "Veldt in March 2009 estimated the price to be $12 billion.",
        "Veldt in March 2009 estimated a loss of $12 billion.",
        "The fund lost $12 billion in 2010.",
        "Veldt in March 2009 estimated the loss to be 12 billion euros.",
        "Veldt in March 2009 estimated the loss to be $8.4 billion.",
    ],
)
def test_another_sum_is_no_conflict(last: str) -> None:
    assert within("".join((*VALUED[:2], last)), "$8 billion", last) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("On Monday 37 people died in a Kerak factory fire.", "On Monday 39 people died in a Kerak factory fire."),
        ("Kerak factory fire officials reported 37 deaths on Monday.", "Kerak factory fire officials reported 39 deaths on Monday."),
        ("37 deaths in the Kerak factory fire were counted.", "39 deaths in the Kerak factory fire were counted."),
    ],
)  # fmt: skip
def test_the_same_day_told_twice_is_one_event(one: str, other: str) -> None:
    assert [found.words for found in compare(DEAD, one, other, dates=("2024-05-13", "2024-05-14"))] == [("37", "39")]
