"""Files and folders to articles. What cannot be read is named, with the reason, and skipped."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import BadConfig
from rag.ingest import records
from rag.ingest.plain import read_article
from rag.types import Article

_TEXT_SUFFIXES = frozenset({"", ".txt", ".text", ".md"})
_RECORD_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_CONTROL_SHARE = 0.02
_PROBE = 65_536
_MEGABYTE = 1_000_000
_BINARY = "binary file, not text; convert it to plain text, or name its encoding with --encoding"


@dataclass(frozen=True)
class Found:
    """An article read, and where it stands."""

    location: str
    article: Article


@dataclass(frozen=True)
class Skipped:
    """Something that was not read, and why; `named` when the user named the path itself."""

    location: str
    reason: str
    named: bool = False


def discover(paths: Iterable[str | Path]) -> Iterator[Path | Skipped]:
    """The files under the given files and folders, each once, in a fixed order.

    Hidden files are passed over. A link that leads nowhere, or out of its folder, is skipped by name.
    """
    for found in _discover(paths):
        named = str(found.location if isinstance(found, Skipped) else found)
        shown = named.encode("utf-8", "backslashreplace").decode()
        if isinstance(found, Skipped):
            yield replace(found, location=shown)
        elif shown != named:  # an index could not store where it stands
            yield Skipped(shown, "its name is not UTF-8; rename it")
        else:
            yield found


def _discover(paths: Iterable[str | Path]) -> Iterator[Path | Skipped]:
    seen: set[Path] = set()
    for given in paths:
        try:
            path = Path(given).expanduser()
            there = path.exists()
        except (OSError, RuntimeError) as error:  # a name too long, a folder that may not be entered, no such `~user`
            yield Skipped(str(given), getattr(error, "strerror", None) or str(error), named=True)
            continue
        if not there:
            reason = "broken link" if path.is_symlink() else "no such file or folder"
            yield Skipped(str(path), reason, named=True)
        elif path.is_dir():
            yield from _walk(path.resolve(), seen)
        elif path.resolve() not in seen:
            seen.add(path.resolve())
            yield path.resolve()


def _walk(root: Path, seen: set[Path]) -> Iterator[Path | Skipped]:
    unreadable: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        links = [name for name in subfolders if not (Path(folder) / name).resolve().is_relative_to(root)]
        for name in sorted([*names, *links]):
            path = Path(folder) / name
            if name.startswith("."):
                continue
            if not path.exists():
                yield Skipped(str(path), "broken link")
            elif not path.resolve().is_relative_to(root):
                yield Skipped(str(path), "link that leads out of the folder; add its target by name")
            elif path.resolve() not in seen:
                seen.add(path.resolve())
                yield path.resolve()
    for error in unreadable:
        yield Skipped(str(error.filename), error.strerror or "cannot be read")


def read_file(path: Path, *, encoding: str = "utf-8", max_megabytes: float = 10.0) -> Iterator[Found | Skipped]:
    """The articles of one file, or why it has none.

    Raises:
        BadConfig: the encoding is unknown.
    """
    try:
        text = _read_text(path, encoding, max_megabytes)
    except OSError as error:
        yield Skipped(str(path), (error.strerror or "cannot be read").lower())
        return
    if isinstance(text, Skipped):
        yield text
    elif path.suffix.lower() in _RECORD_SUFFIXES:
        for number, found in records.read(text):
            location = f"{path}#{number}"
            if isinstance(found, str):
                yield Skipped(location, found)
            else:
                yield Found(location, found.model_copy(update={"path": str(path)}))
    else:
        yield Found(str(path), read_article(text, path=str(path)))


def _read_text(path: Path, encoding: str, max_megabytes: float) -> str | Skipped:
    reason = _unfit(path, max_megabytes)
    if reason is None:
        text, reason = _decode(path.read_bytes(), encoding)
        if reason is None:
            return text
    return Skipped(str(path), reason)


def _unfit(path: Path, max_megabytes: float) -> str | None:
    """Why a file is not even opened, or None."""
    suffix = path.suffix.lower()
    if suffix not in _TEXT_SUFFIXES | _RECORD_SUFFIXES:
        return f"{suffix} files are not read; convert to plain text"
    if not path.is_file():
        return "not a regular file"
    size = path.stat().st_size
    if suffix in _TEXT_SUFFIXES and size > max_megabytes * _MEGABYTE:
        return f"{size:,} bytes is over the limit of {max_megabytes:g} MB; split it, or raise --max-file-mb"
    return None


def _decode(data: bytes, encoding: str) -> tuple[str, str | None]:
    """The text of some bytes, and why they are none, if they are not."""
    try:
        text = data.decode("utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding)
    except LookupError:  # `rot13` and the like are codecs, but not of text
        raise BadConfig(f"unknown encoding {encoding!r}", "Name one such as utf-8, latin-1 or cp1252") from None
    except UnicodeError as error:
        if b"\0" in data[:_PROBE]:
            return "", _BINARY
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        return "", f"not {encoding} text{at}; name its encoding with --encoding, say latin-1"
    if not text.strip():
        return "", "empty file"
    head = text[:_PROBE]
    if "\0" in head or sum(not (c.isprintable() or c.isspace()) for c in head) > _CONTROL_SHARE * len(head):
        return "", _BINARY
    return text, None
