"""What reading a file gives: an article, one that is known already, or the reason why there is none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.types import Article

TEXT_SUFFIXES = frozenset({"", ".txt", ".text", ".md"})
RECORD_SUFFIXES = frozenset({".jsonl", ".ndjson"})
READER = 1
"""Raised when the same bytes are read into another article than before, so that nothing read before counts as known."""


@dataclass(frozen=True)
class Found:
    """An article read, where it stands, and the fingerprint of the bytes that it was read from."""

    location: str
    article: Article
    fingerprint: str | None = None


@dataclass(frozen=True)
class Same:
    """Bytes that an article was read from before: they are not read again."""

    location: str
    article_id: str
    fingerprint: str


@dataclass(frozen=True)
class Skipped:
    """Something that was not read, and why; `named` when the user named the path itself."""

    location: str
    reason: str
    named: bool = False


def fingerprint(kind: Literal["text", "record"], codec: str, data: bytes) -> str:
    """SHA-256, in hex, of some bytes and of all else that decides what is read from them."""
    digest = hashlib.sha256(f"{READER} {kind} {codec}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def file_of(location: str) -> str:
    """The file that a location is in: `news.jsonl` of `news.jsonl#3`, and any other file itself."""
    file, hash_sign, number = location.rpartition("#")
    return file if hash_sign and number.isdecimal() and Path(file).suffix.lower() in RECORD_SUFFIXES else location
