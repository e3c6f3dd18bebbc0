from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.choose import Choice
from rag.answer.time.intervals import Interval
from rag.answer.time.timing import (
    Fit,
    Timed,
    apply,
    describe,
    event_interval,
    fit,
    label,
    newest_first,
    staleness,
)
from rag.answer.time.when import When, when
from rag.retrieve import Found
from rag.types import Article, Citation
from tests.answer.build import found, scored

AS_OF = dt.date(2024, 6, 19)
MAY = Interval(dt.date(2024, 5, 1), dt.date(2024, 5, 31))


def asked(question: str, as_of: dt.date = AS_OF) -> When:
    read = when(question, as_of)
    assert read is not None
    return read


def article(number: int, published: str | None, text: str = "The mayor opened the bridge.", title: str = "") -> Article:
    return Article(id=f"a{number}", text=text, published=published, title=title)


def ids(passages: tuple[Found, ...]) -> list[str]:
    return [item.hit.article.id for item in passages]


def cited(*articles: Article) -> list[Citation]:
    return [
        Citation(n=n, article=article, quote=article.text, start=0, end=len(article.text), score=1.0)
        for n, article in enumerate(articles, start=1)
    ]


@pytest.mark.parametrize(
    ("published", "text", "expected"),
    [
        ("2024-05-14", "It rained.", Fit.PUBLISHED),
        ("2024-05", "It rained.", Fit.PUBLISHED),
        ("2024", "It rained.", Fit.PUBLISHED),
        ("2024-06-02", "It rained on 14 May.", Fit.NAMED),
        ("2024-06-02", "It rained on Friday.", Fit.NAMED),
        ("2024-06-03", "It rained last month.", Fit.NAMED),
        ("2025-01-02", "It rained in May 2024.", Fit.NAMED),
        ("2024-04-02", "It will open on 3 May.", Fit.NAMED),
        (None, "It rained on May 14, 2024.", Fit.NAMED),
        ("2024-06-02", "It rained.", Fit.REPORT),
        ("2024-07-15", "It rained.", Fit.REPORT),
        ("2024-07-16", "It rained.", Fit.OUTSIDE),
        ("2024-04-30", "It rained.", Fit.OUTSIDE),
        ("2025-01-02", "It rained in 2024.", Fit.OUTSIDE),
        (None, "It rained on 14 May.", Fit.UNDATED),
        (None, "It rained in 2024.", Fit.UNDATED),
    ],
)
def test_fit(published: str | None, text: str, expected: Fit) -> None:
    assert fit(MAY, article(1, published, text), text) is expected


def test_articles_of_the_time_go_first_and_those_of_another_are_dropped() -> None:
    passages = found(
        article(1, "2023-11-02"),
        article(2, None),
        article(3, "2024-06-10"),
        article(4, "2024-05-20"),
        article(5, "2024-06-02", "The mayor opened the bridge on 14 May."),
        scores=(0.9, 0.8, 0.8, 0.75, 0.7),
    )
    timed = apply(passages, asked("What did the mayor open in May 2024?"))
    assert ids(timed.found) == ["a4", "a5", "a3", "a2"]
    assert ids(timed.fitting) == ["a4", "a5"]
    assert timed.interval == MAY
    assert timed.notes == ()


def test_a_title_names_a_time_too() -> None:
    passages = found(
        article(1, "2024-06-25", title="On the road, May 2024"), article(2, "2024-06-25"), scores=(0.7, 0.8)
    )
    passages += found(article(3, "2022-01-01"), scores=(0.6,))
    timed = apply(passages, asked("What did the mayor open in May 2024?"))
    assert ids(timed.fitting) == ["a1"]
    assert ids(timed.found) == ["a1", "a2"]


def test_where_nothing_fits_everything_is_kept_and_a_note_says_so() -> None:
    passages = found(article(1, "2023-11-02"), article(2, "2021-03"), article(3, None), scores=(0.7, 0.9, 0.8))
    timed = apply(passages, asked("What did the mayor open in May 2024?"))
    assert ids(timed.found) == ["a1", "a2", "a3"]
    assert timed.fitting == ()
    assert timed.notes == ("nothing found from May 2024; the nearest is of 2023-11-02",)
    since = apply(passages, asked("What has the mayor opened since last week?"))
    assert since.notes == ("nothing found since 2024-06-10; the nearest is of 2023-11-02",)


def test_a_passage_about_something_else_fits_nothing() -> None:
    passages = found(article(1, "2023-11-02"), article(2, "2024-05-20"), scores=(0.9, 0.3))
    timed = apply(passages, asked("What did the mayor open in May 2024?"))
    assert ids(timed.found) == ["a1", "a2"]
    assert timed.notes == ("nothing found from May 2024; the nearest is of 2023-11-02",)


def test_what_is_recalled_later_drops_nothing() -> None:
    passages = found(
        article(1, "2020-02-01", "He won the cup."),
        article(2, "2019-06-01", "He won the cup in 1998."),
        scores=(0.9, 0.8),
    )
    timed = apply(passages, asked("Who won the cup in 1998?"))
    assert ids(timed.found) == ["a2", "a1"]
    assert timed.fitting == ()
    assert timed.notes == ()


@pytest.mark.parametrize("published", [None, "2022-03-01"])
def test_an_encyclopaedia_is_left_as_it_is(published: str | None) -> None:
    passages = found(article(1, published, "He ruled."), article(2, published, "In 1755 he ruled."), scores=(0.9, 0.8))
    for question in ("Who ruled in 1755?", "Who ruled before the war?", "Who ruled until 1755?"):
        assert apply(passages, asked(question)) == Timed(tuple(passages))


def test_times_to_come_and_bounds_that_keep_nothing_out_say_nothing() -> None:
    passages = found(article(1, "2023-11-02"), article(2, "2024-05-20"))
    assert apply(passages, asked("What will be built by 2050?")) == Timed(tuple(passages))
    assert apply(passages, asked("What opens next week?")).notes == ()
    assert ids(apply(passages, asked("What opens next week?")).found) == ["a1", "a2"]
    assert apply([], asked("What opened last week?")) == Timed(())


def test_the_latest_orders_only_passages_as_good_as_the_best() -> None:
    passages = found(
        article(1, "2024-01-10"),
        article(2, None),
        article(3, "2024-05-20"),
        article(4, "2024-07-01"),
        article(5, "2024-06-18"),
        scores=(0.80, 0.79, 0.78, 0.77, 0.60),
    )
    timed = apply(passages, asked("What is the latest on the bridge?"))
    assert ids(timed.found) == ["a3", "a1", "a2", "a4", "a5"]  # a4 is of a day after today


def test_the_latest_of_a_time_stays_in_it() -> None:
    passages = found(
        article(1, "2024-05-02"), article(2, "2024-05-20"), article(3, "2024-06-02"), scores=(0.8, 0.79, 0.81)
    )
    timed = apply(passages, asked("What was the latest on the bridge in May 2024?"))
    assert ids(timed.found) == ["a2", "a1", "a3"]


def test_before_and_after_an_event_order_passages_as_good_as_the_best() -> None:
    passages = found(
        article(1, "2024-05-02", "The mayor praised the plan."),
        article(2, "2024-05-22", "The mayor praised the plan."),
        article(3, "2024-05-21", "The harbour summit opened on Monday."),
        scores=(0.8, 0.79, 0.5),
    )
    after = apply(passages, asked("What did the mayor praise after the harbour summit?"))
    assert after.interval == Interval(dt.date(2024, 5, 20), None)
    assert ids(after.found) == ["a2", "a1", "a3"]
    before = apply(passages, asked("What did the mayor praise before the harbour summit?"))
    assert before.interval == Interval(None, dt.date(2024, 5, 20))
    assert ids(before.found) == ["a1", "a2", "a3"]


@pytest.mark.parametrize(
    ("articles", "since"),
    [
        (
            [
                article(1, "2024-05-21", "The summit on 14 May failed."),
                article(2, "2024-05-28", "The summit of 14 May."),
            ],
            14,
        ),
        ([article(1, "2024-05-21", "The summit failed."), article(2, "2024-05-23", "The summit failed.")], 21),
        ([article(1, "2024-05-21", "The summit failed."), article(2, "2023-05-23", "The summit failed.")], None),
        (
            [article(1, "2024-05-21", "The summit is on 14 May."), article(2, "2024-05-21", "The summit is on 7 May.")],
            None,
        ),
        ([article(1, "2024-05-21", "The talks failed on 14 May.")], None),
        ([article(1, None, "The summit failed.")], None),
    ],
)
def test_an_event_is_dated_only_without_ambiguity(articles: list[Article], since: int | None) -> None:
    read = event_interval(found(*articles), asked("Who resigned after the summit?"))
    assert read == (Interval(dt.date(2024, 5, since), None) if since else None)


@pytest.mark.parametrize(
    ("question", "published", "expected"),
    [
        ("Who is currently mayor?", ["2019-06-01"], "2019-06-01, 1,845 days before 2024-06-19"),
        ("What is the latest on it?", ["2024-05-19", "2024-03-01"], "2024-05-19, 31 days before 2024-06-19"),
        ("What is the latest on it?", ["2024-05"], None),
        ("What is the latest on it?", ["2024-04"], "2024-04, at least 50 days before 2024-06-19"),
        ("What is the latest on it?", ["2024-05-20"], None),
        ("What happened this week?", ["2024-02-01"], "2024-02-01, 139 days before 2024-06-19"),
        ("What has been built this year?", ["2024-02-01"], None),
        ("What has been built this year?", ["2023-12-01"], "2023-12-01, 201 days before 2024-06-19"),
        ("What happened last June?", ["2019-02-01"], None),
        ("What was the latest in 2019?", ["2019-02-01"], None),
        ("What happened in 2024?", ["2019-02-01"], None),
        ("Who is currently mayor?", [None], None),
        ("Who is currently mayor?", [], None),
    ],
)
def test_staleness(question: str, published: list[str | None], expected: str | None) -> None:
    articles = [article(number, day) for number, day in enumerate(published)]
    note = staleness(articles, asked(question))
    assert note == (f"the newest article that answers is of {expected}" if expected else None)


@pytest.mark.parametrize(
    ("question", "published", "text", "expected"),
    [
        ("What opened in May 2024?", ["2024-05-20"], "It opened.", "in articles from May 2024"),
        ("What opened in May 2024?", ["2024-06-02"], "It opened on 14 May.", "in articles about May 2024"),
        (
            "What opened in May 2024?",
            ["2024-05-20", "2024-06-02"],
            "It opened on 14 May.",
            "in articles from or about May 2024",
        ),
        ("What opened in May 2024?", ["2024-05-20", "2024-06-02"], "It opened.", None),
        ("What opened in May 2024?", [None], "It opened.", None),
        ("What opened since 2024?", ["2024-05-20"], "It opened.", "in articles since 2024-01-01"),
        (
            "What opened since 2024?",
            ["2023-12-20"],
            "It opens on 3 January.",
            "in articles about the time since 2024-01-01",
        ),
        ("What opened before 2024?", ["2023-12-20"], "It opened.", "in articles until 2023-12-31"),
        ("What is the latest?", ["2024-05-20"], "It opened.", "latest: article of 2024-05-20"),
        ("What is the latest?", [None], "It opened.", None),
        ("What is the latest?", [], "", None),
    ],
)
def test_a_label_is_true_of_every_quote(
    question: str, published: list[str | None], text: str, expected: str | None
) -> None:
    read = asked(question)
    timed = Timed((), interval=read.interval)
    assert label(timed, read, cited(*(article(number, day, text) for number, day in enumerate(published)))) == expected


def test_the_label_of_an_event_names_its_words() -> None:
    read = asked("Who resigned after the summit?")
    timed = Timed((), interval=Interval(dt.date(2024, 5, 14), None))
    assert label(timed, read, cited(article(1, "2024-05-20"))) == "in articles since 2024-05-14 (after the summit)"
    assert label(timed, read, cited(article(1, "2024-05-01"))) is None


def test_newest_first_among_sentences_as_good_as_the_best() -> None:
    listed = [
        Choice(scored(article(number, day), score), score, ())
        for number, (day, score) in enumerate([("2024-01-01", 2.0), ("2024-05-01", 1.8), ("2024-06-01", 1.0)])
    ]
    order = [choice.candidate.hit.article.id for choice in newest_first(listed, asked("What is the latest?"))]
    assert order == ["a1", "a0", "a2"]
    assert newest_first(listed, asked("What happened in 2024?")) == listed
    assert newest_first([], asked("What is the latest?")) == []


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("in May 2024", "May 2024"),
        ("in 2019", "2019"),
        ("on 14 May 2024", "2024-05-14"),
        ("from 2015 to 2018", "2015 to 2018"),
        ("between March and May 2020", "March 2020 to May 2020"),
        ("last week", "2024-06-10 to 2024-06-16"),
        ("since June 2019", "since 2019-06-01"),
        ("before 2020", "until 2019-12-31"),
    ],
)
def test_an_interval_in_words(phrase: str, words: str) -> None:
    interval = asked(f"Who won {phrase}?").interval
    assert interval is not None
    assert describe(interval) == words


_PUBLISHED = st.one_of(
    st.none(),
    st.dates(min_value=dt.date(2023, 1, 1), max_value=dt.date(2025, 1, 1)).map(str),
    st.sampled_from(["2023", "2024", "2024-05", "2024-04"]),
)
_QUESTIONS = st.sampled_from(
    [
        "Who won in May 2024?",
        "Who won last week?",
        "Who won since 2024?",
        "Who won before 2024?",
        "Who is the latest?",
        "Who won after the bridge?",
        "Who is the latest in May 2024?",
    ]
)


@given(st.lists(st.tuples(_PUBLISHED, st.floats(0.1, 1.0)), max_size=6), _QUESTIONS)
@settings(deadline=None, max_examples=60)
def test_nothing_is_invented_and_what_fits_is_never_lost(listed: list[tuple[str | None, float]], question: str) -> None:
    listed = sorted(listed, key=lambda pair: -pair[1])
    passages = found(
        *(article(number, day) for number, (day, _) in enumerate(listed)), scores=tuple(score for _, score in listed)
    )
    read = asked(question)
    timed = apply(passages, read)
    before = {item.hit.article.id for item in passages}
    kept = ids(timed.found)
    assert len(kept) == len(set(kept))
    assert set(kept) <= before
    assert set(ids(timed.fitting)) <= set(kept)
    for item in passages:
        undated = item.hit.article.published is None
        fits = timed.interval and fit(timed.interval, item.hit.article, item.hit.text) >= Fit.NAMED
        if undated or fits:
            assert item.hit.article.id in kept
    if set(kept) != before:
        assert timed.fitting
        assert not timed.notes
