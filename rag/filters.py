"""Bounds in a user's words to a filter of articles."""

from __future__ import annotations

import datetime as dt

from rag.errors import BadInput
from rag.store import Store
from rag.types import Filter


def filter_of(since: dt.date | str | None, until: dt.date | str | None, source: str | None) -> Filter:
    """A filter from dates or ISO strings.

    Raises:
        BadInput: a date cannot be read, or the bounds are crossed.
    """
    first, last = date_of(since, "since"), date_of(until, "until")
    if first and last and first > last:
        raise BadInput(f"since {first} is after until {last}", "Swap them")
    return Filter(since=first, until=last, source=source)


def notes_on(where: Filter, store: Store, *, nothing: bool) -> list[str]:
    """What an answer's reader should know of what a filter left out; `nothing` tells that no passage passed it."""
    if nothing and where.source and not any(store.articles(Filter(source=where.source))):
        return [f"no article of {where.source} in the index: rag list shows the outlets"]
    undated = store.manifest.undated
    if (where.since or where.until) and undated:
        return [f"{undated} article{'s' * (undated > 1)} without a date left out by the date filter"]
    return []


def date_of(value: dt.date | str | None, name: str) -> dt.date | None:
    """A date, or an ISO string of one, as a date; None where none is given.

    Raises:
        BadInput: it cannot be read; the message names it.
    """
    if value is None or isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"{name} {value!r} is not a date", "Write it as YYYY-MM-DD") from error
