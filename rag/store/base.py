"""What a store is: it keeps articles whole, finds passages by vector and by words, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.store.manifest import Manifest
from rag.types import Article, Filter, Passage


class IndexedPassage(NamedTuple):
    """A passage with its vector, shape (dimension,), and one vector for each of its sentences."""

    passage: Passage
    vector: NDArray[np.float32]
    sentence_vectors: NDArray[np.float32]


class IndexedArticle(NamedTuple):
    """An article with its passages, ready to be stored, where it stands, and the fingerprint of the bytes that it was read from."""

    article: Article
    passages: Sequence[IndexedPassage]
    location: str
    fingerprint: str | None = None


class Located(NamedTuple):
    """A further location of an article that is there already, and the fingerprint of the bytes there."""

    location: str
    article_id: str
    fingerprint: str | None = None


class Scored(NamedTuple):
    """A passage's key in the store, and a score."""

    key: int
    score: float


def best(top: Callable[[int], Sequence[Scored]], n: int) -> list[Scored]:
    """The n best of a search, ties by key.

    An index settles a tie at the edge by where it happens to keep things, so look past the edge until the tie ends.

    Args:
        top: gives that many of the best, or all where there are fewer.
        n: how many to return at most.
    """
    limit = n + 16
    while len(found := top(limit)) == limit and found[-1].score == found[n - 1].score:
        limit *= 4
    return sorted(found, key=lambda item: (-item.score, item.key))[:n]


class Store(Protocol):
    """Keeps an index. Keys are never used twice, so a key seen once means one passage for ever.

    Any implementation passes the suite in `tests/conformance/store.py`. Several threads may use one store.
    """

    @property
    def manifest(self) -> Manifest:
        """What the index holds, as of the last write, or of what is being read."""

    @property
    def path(self) -> str:
        """Where the index is, as the user names it."""

    def reading(self) -> AbstractContextManager[None]:
        """Within it, everything that is read is of one generation, the last one when it began. May be nested.

        Raises:
            IndexDamaged: the index cannot be read.
        """

    def writing(self) -> AbstractContextManager[None]:
        """Within it, nobody else writes. May be nested.

        Raises:
            IndexBusy: another process is writing, and did not finish in time.
        """

    def write(
        self,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str] = (),
        located: Iterable[Located] = (),
        vacated: Iterable[str] = (),
    ) -> list[str]:
        """Adds or replaces articles and removes others, all of it or none.

        An article whose last location is taken by another, or is vacated, goes.

        Args:
            upserts: articles to add, or to put in the place of those with the same id.
            removals: ids of articles to remove.
            located: further locations of articles that are there already.
            vacated: locations where nothing stands any more.

        Returns:
            The ids of the articles that went because nothing stands where they stood.

        Raises:
            IndexBusy: another process is writing.
            NoSpace: the disk is full; the index is as it was before.
        """

    def sync(self) -> None:
        """Brings the derived indexes up to the catalog."""

    def nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest cosine to a unit vector, best first; n of them where so many pass the filter."""

    def matching(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest BM25 score for any of the stems, best first."""

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""

    def keys(self, article_id: str) -> list[int]:
        """The keys of an article's passages, in order; none where there is no such article."""

    def passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """The passages with these keys."""

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these passages, shape (sentences, dimension) each."""

    def article(self, article_id: str) -> Article:
        """An article, whole.

        Raises:
            ArticleMissing: no article has that id.
            IndexDamaged: what is stored is not what was written.
        """

    def articles(self, where: Filter) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids, as of one moment."""

    def ids(self, prefix: str, limit: int) -> list[str]:
        """The first ids that begin so, in order."""

    def has(self, article_id: str) -> bool:
        """Whether an article has that id."""

    def known(self, fingerprint: str) -> str | None:
        """The id of an article that was read from bytes with this fingerprint."""

    def at(self, location: str) -> str | None:
        """The id of the article at a location."""

    def places(self, article_id: str) -> list[str]:
        """The locations of an article, in order."""

    def under(self, place: str) -> Mapping[str, str]:
        """The article id at each location that is a file, in it (`FILE#3`), or in a folder."""

    def locations(self) -> Mapping[str, str]:
        """The article id at each location that was added."""

    def digests(self) -> Mapping[str, str]:
        """The digest of each article by its id."""

    def sizes(self) -> Mapping[str, int]:
        """The bytes on the disk of each part of the index, by its name."""

    def close(self) -> None:
        """Lets go of files and locks."""
