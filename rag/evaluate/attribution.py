"""Who said it, sentence by sentence: the extraction of speakers, verbs and addressees against sentences read by a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from rag import config, ingest, resources
from rag.errors import BadInput
from rag.evaluate.bootstrap import ratio_interval
from rag.evaluate.gold import occurrences, read_rows
from rag.evaluate.metrics import Figure, Figures
from rag.evaluate.names import same_name
from rag.types import Article, Span

_RESAMPLES = 2_000
_WORD = re.compile(r"\w+")


class Speech(BaseModel):
    """A sentence of an article: who says it (None: nobody, it is the writer's), for whom, with which verb, to whom."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    doc_id: str
    quote: str
    speaker: str | None = None
    speaks_for: str | None = None
    verb: str | None = None
    addressee: str | None = None


class Heard(NamedTuple):
    """A gold sentence and what was extracted from it. None: nobody, or nothing."""

    gold: Speech
    speaker: str | None
    verb: str | None
    addressee: str | None

    @property
    def right(self) -> bool:
        """Whether the speaker is the right one."""
        return self.speaker is not None and self.gold.speaker is not None and same_name(self.speaker, self.gold.speaker)

    @property
    def verdict(self) -> str:
        """In a word or two, what it is."""
        if self.right:
            return "right"
        if self.speaker is None:
            return "nobody, rightly" if self.gold.speaker is None else "missed"
        return "invented" if self.gold.speaker is None else "wrong speaker"


class Spoken(NamedTuple):
    """All sentences of a file, with the figures."""

    name: str
    heard: Sequence[Heard]
    figures: Figures


Extract = Callable[[Article, int, int], tuple[str | None, str | None, str | None]]


def load_speech(path: Path) -> list[Speech]:
    """The sentences of a JSON-lines file.

    Raises:
        BadInput: the file or a line of it cannot be read.
    """
    return read_rows(path, Speech, "gold sentence")


def read_articles(corpora: Sequence[Path], settings: config.Settings) -> dict[str, Article]:
    """The articles of files and folders by id, without an index."""
    found: dict[str, Article] = {}
    for path in ingest.discover(corpora or [resources.resource("seeds")]):
        if isinstance(path, ingest.Skipped):
            raise BadInput(f"{path.location}: {path.reason}", "Name a file or a folder of articles")
        for read in ingest.read_file(path, encoding=settings.encoding, max_megabytes=settings.max_file_mb):
            if isinstance(read, ingest.Found):
                found.setdefault(read.article.id, read.article)
    return found


def hear(sentences: Sequence[Speech], articles: Mapping[str, Article], extract: Extract | None = None) -> list[Heard]:
    """What is extracted from each sentence, where it first stands in its article.

    Raises:
        BadInput: an article is missing, or does not hold the sentence.
    """
    extract = extract or extraction()
    heard = []
    for sentence in sentences:
        if sentence.doc_id not in articles:
            raise BadInput(
                f"sentence {sentence.id}: article {sentence.doc_id} is in no corpus", "Name it with --corpus"
            )
        article = articles[sentence.doc_id]
        places = occurrences(article.text, sentence.quote)
        if not places:
            raise BadInput(f"sentence {sentence.id} is not in article {sentence.doc_id}", "Correct the quote")
        heard.append(Heard(sentence, *extract(article, *places[0])))
    return heard


def extraction() -> Extract:
    """The extraction that answers use."""
    from rag.answer.speech import attribution

    def extract(article: Article, start: int, end: int) -> tuple[str | None, str | None, str | None]:
        found = attribution(article, Span(start, end))
        return (found.speaker, found.verb or None, found.addressee) if found else (None, None, None)

    return extract


def speech_figures(heard: Sequence[Heard]) -> Figures:
    """Precision (right of those extracted) and recall (right of those with a speaker), with 95 % intervals.

    Of verb and addressee: among the sentences whose speaker is right and where gold names one, the share that is right.
    """
    right = [item for item in heard if item.right]
    verbs = [item for item in right if item.gold.verb]
    addressees = [item for item in right if item.gold.addressee]
    return {
        "speaker precision": _share(heard, lambda item: item.right, lambda item: item.speaker is not None),
        "speaker recall": _share(heard, lambda item: item.right, lambda item: item.gold.speaker is not None),
        "speech found": _share(
            heard, lambda item: item.speaker is not None, lambda item: item.gold.speaker is not None
        ),
        "verb right": _share(verbs, lambda item: same_verb(item.verb, item.gold.verb), lambda _: True),
        "addressee right": _share(
            addressees, lambda item: same_name(item.addressee or "", item.gold.addressee or ""), lambda _: True
        ),
    }


def same_verb(one: str | None, other: str | None) -> bool:
    """Whether two verbs of saying are one, in any case; of several words, whether they begin alike (`called for`, `called`)."""
    first, second = (_WORD.findall((verb or "").casefold()) for verb in (one, other))
    return bool(first and second) and all(a == b for a, b in zip(first, second, strict=False))


def _share(heard: Sequence[Heard], good: Callable[[Heard], bool], among: Callable[[Heard], bool]) -> Figure:
    listed = [item for item in heard if among(item)]
    if not listed:
        return Figure(None, None, None)
    upper = np.array([float(good(item) and among(item)) for item in heard])
    lower = np.array([float(among(item)) for item in heard])
    return Figure(float(upper.sum() / lower.sum()), *ratio_interval(upper, lower, _RESAMPLES))
