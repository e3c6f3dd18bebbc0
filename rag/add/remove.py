"""Removing articles by their ids, or by where they came from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from rag.add.report import Outcome, RemoveReport
from rag.errors import ArticleMissing, IndexDamaged
from rag.store import Store

SHORTEST_PREFIX = 4
"""How many characters of an id name its article."""


def by_prefix(store: Store, prefix: str) -> str | None:
    """The id that begins so, where there is only one."""
    alike = store.ids(prefix, 2) if len(prefix) >= SHORTEST_PREFIX else []
    return alike[0] if len(alike) == 1 else None


def label(store: Store, article_id: str) -> str | None:
    """What an article is called, as far as it can be read."""
    with contextlib.suppress(ArticleMissing, IndexDamaged):
        return store.article(article_id).label
    return None


def remove(store: Store, names: Iterable[str | Path]) -> RemoveReport:
    """Removes what is named, all of it or nothing.

    Args:
        store: what it is removed from.
        names: ids or unique beginnings of ids of articles, or files and folders that articles were added from. An id comes before a path, a path
            before the beginning of an id.

    Raises:
        ArticleMissing: something that is named is neither.
        IndexBusy: another process is writing.
    """
    with store.writing():
        removals: dict[str, str] = {}
        vacated: dict[str, str] = {}
        for name in names:
            article_id = str(name) if store.has(str(name)) else None
            under = {} if article_id else _under(store, name)
            article_id = article_id or (None if under else by_prefix(store, str(name)))
            if article_id is None and not under:
                raise ArticleMissing(
                    f"no article has the id {str(name) or '(empty)'}, and none was added from there",
                    "Nothing was removed; `rag list` shows the ids",
                )
            if article_id is not None:
                removals[article_id] = next(iter(store.places(article_id)), article_id)
            vacated |= under
        concerned: dict[str, str] = {}
        for place, one in vacated.items():
            concerned.setdefault(one, place)
        concerned |= removals
        labels = {one: label(store, one) for one in concerned}
        store.write([], removals, (), vacated)
        store.sync()
        return RemoveReport(tuple(_outcome(store, one, place, labels[one]) for one, place in concerned.items()))


def _under(store: Store, name: str | Path) -> dict[str, str]:
    """The locations at a path, and the id of the article at each."""
    if not str(name).strip():  # an unset variable of a shell, say, is not the working folder
        return {}
    try:
        return dict(store.under(str(Path(name).expanduser().resolve())))
    except (OSError, RuntimeError, ValueError):  # it cannot be a path
        return {}


def _outcome(store: Store, article_id: str, place: str, title: str | None) -> Outcome:
    if not store.has(article_id):
        return Outcome(place, "removed", article_id, title=title)
    return Outcome(place, "kept", article_id, f"stands in {store.places(article_id)[0]} too", title=title)
