"""The lines of a file as bytes, one at a time, in any encoding: a file of many gigabytes is never held whole."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from rag.errors import BadConfig

_BLOCK = 1 << 18
_LITTLE = sys.byteorder == "little"
_MARKS = {
    "utf-8": [(codecs.BOM_UTF8, "utf-8"), (b"", "utf-8")],
    "utf-16": [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le" if _LITTLE else "utf-16-be"),
    ],
    "utf-32": [
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "utf-32-le" if _LITTLE else "utf-32-be"),
    ],
}


class Coded(NamedTuple):
    """How a file is encoded, how long the mark of that is with which it begins, and what ends a line."""

    codec: str
    mark: int
    newline: bytes


def codec_of(encoding: str) -> str:
    """The name of an encoding of text, as Python spells it.

    Raises:
        BadConfig: it is unknown.
    """
    try:
        name = codecs.lookup(encoding).name
        b"a".decode(encoding)  # `rot13` and the like are codecs, but not of text
    except LookupError:
        raise BadConfig(f"unknown encoding {encoding!r}", "Name one such as utf-8, latin-1 or cp1252") from None
    except UnicodeError:
        pass
    return "utf-8" if name == "utf-8-sig" else name


def coded(codec: str, head: bytes) -> Coded:
    """How a file is encoded that begins with some bytes."""
    mark, exact = next(pair for pair in _MARKS.get(codec, [(b"", codec)]) if head.startswith(pair[0]))
    wide = exact.startswith(("utf-16", "utf-32"))
    try:
        newline = "\n".encode(exact)
    except UnicodeError:
        newline = b"\n"
    return Coded(exact, len(mark), newline if wide or len(newline) == 1 else b"\n")


def split(file: BinaryIO, newline: bytes, limit: float) -> Iterator[bytes | None]:
    """The lines of a file without their ends; None in the place of a line of more bytes than the limit."""
    width = len(newline)
    held = bytearray()
    searched, too_long = 0, False
    while block := file.read(_BLOCK):
        held += block
        start = 0
        while (end := _find(held, newline, searched)) >= 0:
            yield None if too_long or end - start > limit else bytes(held[start:end])
            start = searched = end + width
            too_long = False
        del held[:start]
        searched = len(held) // width * width  # what is over may become the end of the line
        if searched > limit:
            too_long = True
            del held[:searched]
            searched = 0
    if held or too_long:
        yield None if too_long or len(held) > limit else bytes(held)


def _find(held: bytearray, newline: bytes, start: int) -> int:
    """Where the next end of a line is; not between two characters of several bytes each."""
    at = held.find(newline, start)
    while at >= 0 and at % len(newline):
        at = held.find(newline, at + 1)
    return at
