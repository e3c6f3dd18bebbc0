"""The nouns of the house: frozen models that every room shares.

All offsets are code-point offsets (Python string indices) into `Article.text`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rag import dates

SCHEMA_VERSION = 1
PASSAGE_MAX_CHARS = 3000


class Span(NamedTuple):
    """A half-open range of code points, `text[start:end]`."""

    start: int
    end: int


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


MarkKind = Literal[
    "title",
    "date",
    "byline",
    "dateline",
    "caption",
    "credit",
    "trailer",
    "standards",
    "biography",
    "signup",
    "related",
    "correction",
]


class Mark(_Frozen):
    """A range of an article's text that is not the story, so is never quoted as news."""

    start: int
    end: int
    kind: MarkKind


class Article(_Frozen):
    """A published text and its metadata. Nothing in the metadata is invented.

    `published` is `YYYY-MM-DD`, `YYYY-MM`, `YYYY` or None; `published_text` keeps the words the date was read
    from, also when they give no year. `origins` says where each field was found.
    """

    id: str
    text: str
    title: str = ""
    source: str | None = None
    authors: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    agency: str | None = None
    dateline: str | None = None
    published: str | None = Field(default=None, pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    published_text: str | None = None
    section: str | None = None
    url: str | None = None
    path: str | None = None
    marks: tuple[Mark, ...] = ()
    origins: dict[str, str] = Field(default_factory=dict)

    @field_validator("published")
    @classmethod
    def _is_a_date(cls, published: str | None) -> str | None:
        if published is not None:
            dates.bounds(published)
        return published

    @property
    def label(self) -> str:
        """The title, or the first words of the story where there is none."""
        if self.title:
            return self.title
        words = self.text[self.story[0].start :].split(maxsplit=8)[:8] if self.story else []
        return " ".join(words).rstrip(".,;:") + "…" if words else "(empty)"

    @property
    def people(self) -> tuple[str, ...]:
        """Everyone in the byline and the trailer: authors, contributors, editors."""
        return self.authors + self.contributors + self.editors

    @property
    def story(self) -> tuple[Span, ...]:
        """The ranges of the text between the marks."""
        spans: list[Span] = []
        at = 0
        for mark in self.marks:
            if self.text[at : mark.start].strip():
                spans.append(Span(at, mark.start))
            at = max(at, mark.end)
        if self.text[at:].strip():
            spans.append(Span(at, len(self.text)))
        return tuple(spans)


class Sentence(_Frozen):
    """A sentence of an article. A heading is read for context and never quoted."""

    start: int
    end: int
    quotable: bool = True


class Passage(_Frozen):
    """A run of whole sentences of one article, the unit of retrieval."""

    passage_id: str
    article_id: str
    start: int
    end: int
    sentences: tuple[Sentence, ...]


class Filter(_Frozen):
    """Which articles count. An article without a date fails any date bound; `without` are ids to leave out."""

    since: dt.date | None = None
    until: dt.date | None = None
    source: str | None = None
    without: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether the filter keeps anything out."""
        return any((self.since, self.until, self.source, self.without))


class Hit(_Frozen):
    """A passage found, with the fused score and its two parts, each in 0..1 (cosine can be below 0)."""

    rank: int
    passage: Passage
    article: Article
    score: float
    dense: float
    lexical: float

    @property
    def text(self) -> str:
        """The passage's words."""
        return self.article.text[self.passage.start : self.passage.end]


class Citation(_Frozen):
    """A verbatim span of an article that supports the answer: `article.text[start:end] == quote`."""

    n: int
    article: Article
    quote: str
    start: int
    end: int
    score: float
    speaker: str | None = None
    verb: str | None = None
    addressee: str | None = None
    also_in: tuple[str, ...] = ()


class Part(_Frozen):
    """One part of a question that asks several things, and the numbers of the citations that answer it (none: it is missing)."""

    question: str
    citations: tuple[int, ...]
    confidence: float


class Conflict(_Frozen):
    """Two citations that do not agree: in a figure, in a date, or because one denies what the other says.

    `newer` is the citation from the later article, None where the dates do not tell; `words` are the differing words of each.
    """

    kind: Literal["figure", "date", "denial"]
    citations: tuple[int, int]
    words: tuple[str, str]
    newer: int | None = None


class Witness(_Frozen):
    """One independent source of an answer: the outlets and articles that print the same copy."""

    outlets: tuple[str, ...]
    articles: tuple[str, ...]


Verdict = Literal["supported", "partly", "unsupported"]


class Claim(_Frozen):
    """One claim that a language model made, and what the verifier found.

    `passages` are the numbers of the passages that the model named (of those it was given), `citations` the numbers of the citations that support the claim;
    `recited` tells that other passages support it than those named; `support` is the probability, in 0..1, that the evidence supports it;
    `reasons` say what speaks against it; `shown` whether it stands in the answer's text.
    """

    text: str
    verdict: Verdict
    support: float
    passages: tuple[int, ...] = ()
    citations: tuple[int, ...] = ()
    recited: bool = False
    reasons: tuple[str, ...] = ()
    shown: bool = False


class Writing(_Frozen):
    """Which language model wrote, from which prompt, and what it took.

    `passages` are the ids of the passages it was given, in the order of their numbers; `cost` is in US dollars, None where the price is not known.
    """

    model: str
    prompt: str
    prompt_version: int
    prompt_digest: str
    passages: tuple[str, ...] = ()
    cached: bool = False
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None


class IndexInfo(_Frozen):
    """Which index an answer came from."""

    path: str
    articles: int
    passages: int
    digest: str


class Answer(_Frozen):
    """What the articles say to a question, or that they do not."""

    question: str
    text: str | None
    abstained: bool
    confidence: float
    mode: Literal["extractive", "synthesis"] = "extractive"
    citations: tuple[Citation, ...] = ()
    parts: tuple[Part, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    when: str | None = None
    claims: tuple[Claim, ...] = ()
    writing: Writing | None = None
    hits: tuple[Hit, ...] = ()
    index: IndexInfo
    notes: tuple[str, ...] = ()
    timings_ms: dict[str, float] = Field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The answer in JSON schema version 1 of the design."""
        return {
            "schema": SCHEMA_VERSION,
            "question": self.question,
            "answer": self.text,
            "abstained": self.abstained,
            "confidence": round(self.confidence, 4),
            "mode": self.mode,
            "citations": [_citation_json(citation) for citation in self.citations],
            "parts": [part.model_dump(mode="json") for part in self.parts],
            "conflicts": [conflict.model_dump(mode="json") for conflict in self.conflicts],
            "witnesses": [witness.model_dump(mode="json") for witness in self.witnesses],
            "when": self.when,
            "claims": [claim.model_dump(mode="json") for claim in self.claims],
            "claim_counts": _counts(self.claims) if self.writing else None,
            "llm": self.writing.model_dump(mode="json") if self.writing else None,
            "passages": [hit_json(hit) for hit in self.hits],
            "index": self.index.model_dump(),
            "notes": list(self.notes),
            "timings_ms": {name: round(ms, 1) for name, ms in self.timings_ms.items()},
        }


def _counts(claims: Sequence[Claim]) -> dict[str, int]:
    """How many claims have each verdict, and how many are shown."""
    verdicts: tuple[str, ...] = get_args(Verdict)
    counted = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in verdicts}
    return {**counted, "shown": sum(claim.shown for claim in claims)}


def _citation_json(citation: Citation) -> dict[str, object]:
    article = citation.article
    return {
        "n": citation.n,
        "article_id": article.id,
        "title": article.title,
        "source": article.source,
        "authors": list(article.authors),
        "published": article.published,
        "published_text": article.published_text,
        "url": article.url,
        "path": article.path,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "score": round(citation.score, 6),
        "speaker": citation.speaker,
        "verb": citation.verb,
        "addressee": citation.addressee,
        "also_in": list(citation.also_in),
    }


def hit_json(hit: Hit) -> dict[str, object]:
    """A hit as the `passages` entries of the JSON answer."""
    return {
        "rank": hit.rank,
        "passage_id": hit.passage.passage_id,
        "article_id": hit.passage.article_id,
        "text": hit.text,
        "start": hit.passage.start,
        "end": hit.passage.end,
        "score": round(hit.score, 6),
    }
