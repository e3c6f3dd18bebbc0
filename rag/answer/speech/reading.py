"""What is known of an article while it is read: its sentences, the people and bodies it names, and who has spoken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rag.answer.speech.saying import Clause
from rag.types import Span

Kind = Literal["person", "body", "plural", "unknown", "thing"]


class Attribution(NamedTuple):
    """Who said a sentence: `speaker` as the article introduces them, `verb` as written (empty in a printed interview), `addressee` where one is named (`told Reuters`)."""

    speaker: str
    verb: str
    addressee: str | None = None


class Mention(NamedTuple):
    """A person or body where the article names it: the words of the name in small letters, the description around it, the offset."""

    core: tuple[str, ...]
    words: str
    at: int


class Voice(NamedTuple):
    """A possible speaker: description, what identifies it, and what kind of pronoun can stand for it."""

    words: str
    key: str
    kind: Kind


@dataclass
class Part:
    """A sentence of the story, read."""

    span: Span
    text: str
    clause: Clause
    first: bool
    opens: bool
    inside: bool
    stays_open: bool
    focus: Voice | None = None
    topic: Voice | None = None
    found: Attribution | None = None
    voice: Voice | None = None
    told: int | None = None
    people: tuple[str, ...] = ()
    pronoun: str = ""


@dataclass
class Reading:
    """An article while it is read: its sentences, its names and which pronoun each person takes."""

    parts: list[Part]
    title: str = ""
    mentions: list[Mention] = field(default_factory=list)
    pronouns: dict[str, str] = field(default_factory=dict)
    long_forms: dict[str, str] = field(default_factory=dict)
    capitals: set[str] = field(default_factory=set)
    spoken: list[tuple[int, Voice]] = field(default_factory=list)
