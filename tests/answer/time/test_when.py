from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.time.expressions import expressions
from rag.answer.time.intervals import Interval
from rag.answer.time.when import When, when

AS_OF = dt.date(2024, 6, 19)  # a Wednesday
DAYS = st.dates(min_value=dt.date(1000, 1, 1), max_value=dt.date(2099, 12, 31))


def days(since: str, until: str) -> tuple[dt.date | None, dt.date | None]:
    return (
        dt.date.fromisoformat(since) if since else None,
        dt.date.fromisoformat(until) if until else None,
    )


@pytest.mark.parametrize(
    ("phrase", "since", "until"),
    [
        ("on 14 May 2024", "2024-05-14", "2024-05-14"),
        ("on May 14, 2024", "2024-05-14", "2024-05-14"),
        ("on Tuesday, May 14th, 2024", "2024-05-14", "2024-05-14"),
        ("on the 14th of May 2024", "2024-05-14", "2024-05-14"),
        ("on 2024-05-14", "2024-05-14", "2024-05-14"),
        ("on 29 February 2024", "2024-02-29", "2024-02-29"),
        ("on 5-10 May 2020", "2020-05-05", "2020-05-10"),
        ("between 5 and 10 May 2020", "2020-05-05", "2020-05-10"),
        ("in May 2024", "2024-05-01", "2024-05-31"),
        ("in May of 2012", "2012-05-01", "2012-05-31"),
        ("in Sept. 2019", "2019-09-01", "2019-09-30"),
        ("in early May 2020", "2020-05-01", "2020-05-10"),
        ("in mid-May 2020", "2020-05-11", "2020-05-20"),
        ("in late February 2020", "2020-02-21", "2020-02-29"),
        ("at the end of May 2020", "2020-05-21", "2020-05-31"),
        ("in 2019", "2019-01-01", "2019-12-31"),
        ("in early 2019", "2019-01-01", "2019-04-30"),
        ("in mid-2019", "2019-05-01", "2019-08-31"),
        ("at the end of 2019", "2019-09-01", "2019-12-31"),
        ("in Q3 2020", "2020-07-01", "2020-09-30"),
        ("in the third quarter of 2020", "2020-07-01", "2020-09-30"),
        ("in the first half of 2020", "2020-01-01", "2020-06-30"),
        ("in H2 2020", "2020-07-01", "2020-12-31"),
        ("in the summer of 2019", "2019-06-01", "2019-08-31"),
        ("in spring 2019", "2019-03-01", "2019-05-31"),
        ("in winter 2019", "2019-12-01", "2020-02-29"),
        ("in the 1990s", "1990-01-01", "1999-12-31"),
        ("in the late 1990s", "1997-01-01", "1999-12-31"),
        ("in the '80s", "1980-01-01", "1989-12-31"),
        ("in the 1700s", "1700-01-01", "1799-12-31"),
        ("in the 2000s", "2000-01-01", "2009-12-31"),
        ("in the 19th century", "1801-01-01", "1900-12-31"),
        ("in the late 19th century", "1867-01-01", "1900-12-31"),
        ("between March and May 2020", "2020-03-01", "2020-05-31"),
        ("between November and February 2020", "2019-11-01", "2020-02-29"),
        ("from May 2019 to 3 June 2020", "2019-05-01", "2020-06-03"),
        ("from 2015 to 2018", "2015-01-01", "2018-12-31"),
        ("in 2019 and 2020", "2019-01-01", "2020-12-31"),
        ("since the summer of 2019", "2019-06-01", ""),
        ("since 2019", "2019-01-01", ""),
        ("from May 2020 onwards", "2020-05-01", ""),
        ("after May 3, 2024", "2024-05-04", ""),
        ("after 2019", "2020-01-01", ""),
        ("before 2020", "", "2019-12-31"),
        ("prior to 14 May 2024", "", "2024-05-13"),
        ("until 2000", "", "2000-12-31"),
        ("by March 2021", "", "2021-03-31"),
        ("no later than May 3, 2024", "", "2024-05-03"),
    ],
)
def test_times_that_need_no_today(phrase: str, since: str, until: str) -> None:
    for question in (f"What did the mayor announce {phrase}?", f"{phrase[0].upper()}{phrase[1:]}, who won?"):
        read = when(question, AS_OF)
        assert read is not None
        assert (read.since, read.until) == days(since, until)
        assert read.words.casefold() == phrase.casefold()
        assert not read.relative
        assert not read.latest


@pytest.mark.parametrize(
    ("phrase", "since", "until"),
    [
        ("yesterday", "2024-06-18", "2024-06-18"),
        ("the day before yesterday", "2024-06-17", "2024-06-17"),
        ("last night", "2024-06-18", "2024-06-19"),
        ("today", "2024-06-19", "2024-06-19"),
        ("this morning", "2024-06-19", "2024-06-19"),
        ("tomorrow", "2024-06-20", "2024-06-20"),
        ("last week", "2024-06-10", "2024-06-16"),
        ("this week", "2024-06-17", "2024-06-23"),
        ("next week", "2024-06-24", "2024-06-30"),
        ("last weekend", "2024-06-15", "2024-06-16"),
        ("last month", "2024-05-01", "2024-05-31"),
        ("this year", "2024-01-01", "2024-12-31"),
        ("last year", "2023-01-01", "2023-12-31"),
        ("last decade", "2010-01-01", "2019-12-31"),
        ("since last month", "2024-05-01", ""),
        ("on Wednesday", "2024-06-19", "2024-06-19"),
        ("on Thursday", "2024-06-13", "2024-06-13"),
        ("on Monday night", "2024-06-17", "2024-06-17"),
        ("last Wednesday", "2024-06-12", "2024-06-12"),
        ("next Wednesday", "2024-06-26", "2024-06-26"),
        ("this Friday", "2024-06-21", "2024-06-21"),
        ("last June", "2023-06-01", "2023-06-30"),
        ("last May", "2024-05-01", "2024-05-31"),
        ("this June", "2024-06-01", "2024-06-30"),
        ("next June", "2025-06-01", "2025-06-30"),
        ("last summer", "2023-06-01", "2023-08-31"),
        ("this summer", "2024-06-01", "2024-08-31"),
        ("last winter", "2023-12-01", "2024-02-29"),
        ("next spring", "2025-03-01", "2025-05-31"),
        ("in June", "2024-06-01", "2024-06-30"),
        ("in July", "2023-07-01", "2023-07-31"),
        ("in late July", "2023-07-21", "2023-07-31"),
        ("before September", "", "2023-08-31"),
        ("on 14 May", "2024-05-14", "2024-05-14"),
        ("on 20 June", "2023-06-20", "2023-06-20"),
        ("on the 14th of May", "2024-05-14", "2024-05-14"),
        ("on 29 February", "2024-02-29", "2024-02-29"),
        ("between May 5 and May 10", "2024-05-05", "2024-05-10"),
        ("over the past three months", "2024-03-19", "2024-06-19"),
        ("in the last 10 days", "2024-06-09", "2024-06-19"),
        ("in the past year", "2023-06-19", "2024-06-19"),
        ("in the past few weeks", "2024-05-29", "2024-06-19"),
        ("in recent days", "2024-06-12", "2024-06-19"),
        ("in recent months", "2023-12-19", "2024-06-19"),
        ("three days ago", "2024-06-16", "2024-06-16"),
        ("two weeks ago", "2024-06-03", "2024-06-09"),
        ("a month ago", "2024-05-01", "2024-05-31"),
        ("10 years ago", "2014-01-01", "2014-12-31"),
    ],
)
def test_times_counted_from_today(phrase: str, since: str, until: str) -> None:
    read = when(f"What did the mayor do {phrase}?", AS_OF)
    assert read is not None
    assert (read.since, read.until) == days(since, until)
    assert read.words == phrase.removesuffix(" night") if phrase.startswith("on ") else read.words == phrase
    assert read.relative


@pytest.mark.parametrize(
    ("as_of", "phrase", "since", "until"),
    [
        ("2024-01-01", "last month", "2023-12-01", "2023-12-31"),
        ("2024-01-01", "last week", "2023-12-25", "2023-12-31"),
        ("2024-03-31", "over the past month", "2024-02-29", "2024-03-31"),
        ("2025-03-01", "on 29 February", "2024-02-29", "2024-02-29"),
        ("2024-07-19", "last June", "2024-06-01", "2024-06-30"),
        ("2024-01-15", "this winter", "2023-12-01", "2024-02-29"),
        ("2024-10-15", "this summer", "2024-06-01", "2024-08-31"),
        ("2024-10-15", "last summer", "2024-06-01", "2024-08-31"),
    ],
)
def test_today_decides(as_of: str, phrase: str, since: str, until: str) -> None:
    read = when(f"What did the mayor do {phrase}?", dt.date.fromisoformat(as_of))
    assert read is not None
    assert (read.since, read.until) == days(since, until)


@pytest.mark.parametrize(
    "question",
    [
        "Who is the mayor?",
        "When did the talks begin?",
        "In what year was the school founded?",
        "What year did he win?",
        "How many years ago was it built?",
        "What did Theresa May say about the customs union?",
        "What was decided by May?",
        "Who joined the March for Life?",
        "Who took part in March for Peace?",
        "What became of the June 4th movement?",
        "What did April say to August?",
        "How many people may 14 boats carry?",
        "How long are 24 hours on the Moon?",
        "What does the 7 May 2024 Agreement say?",
        "Why did 1995 people leave?",
        "What happened in 1995 villages?",
        "Who won the 2019 election?",
        "What did the 2020 budget pay for?",
        "What does it cost, $2019 or 1999.50?",
        "What lived 66 million years ago?",
        "What was the last year he served?",
        "What happened in the last week of the campaign?",
        "Why did he leave in his last year?",
        "What happened the next year?",
        "How many days are there in February?",
        "What happened on 31 February 2020?",
        "What is the song “Since Last Monday” about?",
        "Who directed Apocalypse Now?",
        "What is now known as Istanbul?",
        "Who looks after the children?",
        "Who was named after the king?",
        "Who spoke before the committee?",
        "Are the players following the rules?",
        "What should be paid at the latest?",
        "How did profits differ in 2010, 2011?",
        "Was it warmer in 2010 than in 2015?",
        "",
        "?",
    ],
)
def test_no_time_is_read_where_none_is_meant(question: str) -> None:
    assert when(question, AS_OF) is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the latest on the strike?", "the latest"),
        ("What is the most recent figure?", "the most recent"),
        ("Who is the newest member?", "the newest"),
        ("Who is currently in office?", "currently"),
        ("Who leads the party now?", "now"),
        ("What is today's price?", "today's"),
        ("How many have been vaccinated so far?", "so far"),
        ("Where is it used today?", "today"),
        ("Who is the current mayor?", "the current"),
    ],
)
def test_the_latest(question: str, words: str) -> None:
    read = when(question, AS_OF)
    assert read == When(
        AS_OF, words, ((start := question.index(words), start + len(words)),), latest=True, relative=True
    )


def test_today_in_a_clause_about_the_past_is_that_day() -> None:
    read = when("Where was it made, and what did the minister say today?", AS_OF)
    assert read is not None
    assert (read.since, read.until, read.latest) == (AS_OF, AS_OF, False)
    present = when("Where was it made and where is it used today?", AS_OF)
    assert present is not None
    assert present.latest
    assert present.interval is None


@pytest.mark.parametrize(
    ("question", "side", "anchor"),
    [
        ("What did the minister say before the summit?", "before", "the summit"),
        ("How many were missing after the explosion in the harbour?", "after", "the explosion in the harbour"),
        ("Who has governed since the election?", "after", "the election"),
        ("Following the vote, who resigned?", "after", "the vote"),
        ("What changed in the wake of the fire?", "after", "the fire"),
        ("Who took over after Anna Berg's resignation?", "after", "Anna Berg's resignation"),
        ("What happened ahead of the 2019 election?", "before", "the 2019 election"),
    ],
)
def test_before_and_after_an_event(question: str, side: str, anchor: str) -> None:
    read = when(question, AS_OF)
    assert read is not None
    assert (read.side, read.anchor, read.interval) == (side, anchor, None)


def test_a_date_of_the_event_bounds_the_time() -> None:
    after = when("Who took over after the election in May 2019?", AS_OF)
    before = when("Who spoke before the vote on 3 June 2020?", AS_OF)
    assert after is not None
    assert before is not None
    assert (after.anchor, after.side, after.interval) == ("the election", "after", Interval(dt.date(2019, 5, 1), None))
    assert (before.anchor, before.side, before.interval) == ("the vote", "before", Interval(None, dt.date(2020, 6, 3)))


def test_several_times_are_taken_together() -> None:
    read = when("What was said after 3 May 2020 about the fire in 2020, the latest first?", AS_OF)
    assert read is not None
    assert read.interval == Interval(dt.date(2020, 5, 4), dt.date(2020, 12, 31))
    assert read.words == "after 3 May 2020 … in 2020 … the latest"


@pytest.mark.parametrize(
    ("question", "without"),
    [
        ("What did the mayor announce in May 2024 about trams?", "What did the mayor announce about trams?"),
        ("In May 2024, who won?", "who won?"),
        ("Who won last week?", "Who won?"),
        ("What was said before the summit?", "What was said before the summit?"),
    ],
)
def test_the_question_without_its_time(question: str, without: str) -> None:
    read = when(question, AS_OF)
    assert read is not None
    assert read.without(question) == without


@given(DAYS, DAYS)
@settings(deadline=None)
def test_every_written_day_is_read_back(day: dt.date, as_of: dt.date) -> None:
    for written in (f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%B} {day.year}", day.isoformat()):
        read = when(f"Who spoke on {written}?", as_of)
        assert read is not None
        assert (read.since, read.until, read.relative) == (day, day, False)
    month = when(f"Who spoke in {day:%B} {day.year}?", as_of)
    assert month is not None
    assert month.interval == Interval(
        day.replace(day=1), (day.replace(day=28) + dt.timedelta(4)).replace(day=1) - dt.timedelta(1)
    )


@given(DAYS, DAYS)
@settings(deadline=None)
def test_a_day_without_a_year_is_the_last_one_that_has_begun(day: dt.date, as_of: dt.date) -> None:
    read = when(f"Who spoke on {day.day} {day:%B}?", as_of)
    assert read is not None
    assert read.since is not None
    assert read.since <= as_of
    assert (read.since.month, read.since.day) == (day.month, day.day)
    assert (as_of - read.since).days <= (366 if (day.month, day.day) != (2, 29) else 8 * 366)


_VOCABULARY = """in on since before after until by from between and the last this next past few two three 14 31 2019 2020 1990s
    May March june Monday week month year summer early late end of ago recent days now latest today yesterday summit ' “ ” ? , - 20th
    century Q3"""
_WORDS = st.lists(st.sampled_from(sorted(set(_VOCABULARY.split()))), max_size=14).map(" ".join)


@given(st.one_of(st.text(max_size=80), _WORDS), st.dates())
@settings(deadline=None, max_examples=400)
def test_any_text_is_read_without_error_and_intervals_are_in_order(text: str, as_of: dt.date) -> None:
    read = when(text, as_of)
    if read is not None:
        assert read.words == " … ".join(text[start:end] for start, end in read.spans)
        assert read.words
        assert read.since is None or read.until is None or read.since <= read.until
        assert read.interval or read.latest or read.anchor
        assert (read.anchor is None) == (read.side is None)
        assert len(read.without(text)) <= len(text) + len(read.spans)
    for prose in (False, True):
        named = expressions(text, as_of, prose=prose)
        assert all(one.end <= other.start for one, other in pairwise(named))
        assert all(time.stretch.since <= time.stretch.until for time in named)


@given(_WORDS, st.dates())
@settings(deadline=None)
def test_without_a_today_only_what_needs_none_is_read(text: str, as_of: dt.date) -> None:
    for time in expressions(text, None):
        assert not time.relative
        assert time.stretch in [other.stretch for other in expressions(text, as_of) if not other.relative]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The May 14 attack killed nine.", ["2024-05-14"]),
        ("It opens on 3 July.", ["2024-07-03"]),
        ("It opened on 30 December.", ["2023-12-30"]),
        ("The minister said Tuesday that it rained.", ["2024-06-18"]),
        ("On Tuesday night it rained.", ["2024-06-18"]),
        ("Super Tuesday is near.", []),
        ("In 2019 Berg won.", ["2019-01-01"]),
        ("A crowd of 1995 people came.", []),
        ("May said in May that April was cold.", ["2024-05-01"]),
    ],
)
def test_articles_name_days_near_their_own(text: str, named: list[str]) -> None:
    assert [str(time.stretch.since) for time in expressions(text, AS_OF, prose=True)] == named
