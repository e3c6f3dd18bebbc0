"""The batch being gathered: what is going to be written, laid over what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rag.store import Located, Store
from rag.types import Article, Passage


class Waiting(NamedTuple):
    """An article that is going to be written."""

    article: Article
    pieces: list[Passage]
    location: str
    fingerprint: str | None


@dataclass
class Pending:
    """One batch. Nothing of it is in the store yet; what is asked of it is as if it were.

    `displaced` has for each article that lost a place one such place, `replaced` the number of the outcome that tells of the one that is there now.
    """

    store: Store
    articles: dict[str, Waiting] = field(default_factory=dict)
    located: dict[str, Located] = field(default_factory=dict)
    displaced: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    passages: int = 0
    _placed: dict[str, str] = field(default_factory=dict)
    _standing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __len__(self) -> int:
        return len(self._placed)

    def known(self, fingerprint: str) -> str | None:
        """The id of the article that bytes with a fingerprint give, unless the batch is about to give that id another text."""
        article_id = self.store.known(fingerprint)
        return None if article_id in self.articles else article_id

    def at(self, location: str) -> str | None:
        """The id of the article at a location."""
        return self._placed.get(location) or self.store.at(location)

    def article(self, article_id: str) -> Article | None:
        """The article with an id, if there is one."""
        if article_id in self.articles:
            return self.articles[article_id].article
        return self.store.article(article_id) if self.store.has(article_id) else None

    def places(self, article_id: str) -> Iterator[str]:
        """Where an article stands."""
        yield from self._standing.get(article_id, ())
        for place in self.store.places(article_id):
            if place not in self._placed:
                yield place

    def put(self, waiting: Waiting) -> None:
        """Takes an article into the batch, in the place of one with its id."""
        before = self.articles.pop(waiting.article.id, None)
        if before is not None:
            self.passages -= len(before.pieces)
            self.located[before.location] = Located(before.location, before.article.id)
        for place in self._standing.get(waiting.article.id, ()):
            if place in self.located:  # read there was the text before: whoever reads it again must look
                self.located[place] = Located(place, waiting.article.id)
        self.located.pop(waiting.location, None)
        self.articles[waiting.article.id] = waiting
        self.passages += len(waiting.pieces)
        self._place(waiting.location, waiting.article.id)

    def locate(self, location: str, article_id: str, fingerprint: str | None) -> None:
        """Notes that an article, which is there, stands at a location too."""
        waiting = self.articles.get(article_id)
        if waiting is None or waiting.location != location:
            self.located[location] = Located(location, article_id, fingerprint)
            self._place(location, article_id)

    def _place(self, location: str, article_id: str) -> None:
        before = self.at(location)
        if before is not None and before != article_id:
            self.displaced.setdefault(before, location)
            self._standing[before].discard(location)
        self._placed[location] = article_id
        self._standing[article_id].add(location)

    def homeless(self) -> dict[str, str]:
        """The articles that this batch leaves nowhere, each with the location where it stood."""
        return {one: location for one, location in self.displaced.items() if next(self.places(one), None) is None}
