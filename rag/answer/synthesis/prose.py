"""What a model wrote in prose, to statements: single sentences without Markdown, unseen characters and markers of passages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rag import sentences

LONGEST_TEXT = 12_000
"""Characters of one text that are read: splitting some texts takes a time that grows with the square of their length."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks that are drawn as nothing
_VARIATIONS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})

_NUMBERS = r"\d{1,3}(?:\s?(?:[,;&–-]|and)\s?(?:passages?\s)?\d{1,3})*"
_MARKER = re.compile(
    rf"\s{{0,3}}(?:[\[【]\^?(?:passages?\s?|p\.\s?)?(?:{_NUMBERS})[\]】]|\((?:see\s)?passages?\s(?:{_NUMBERS})\))",
    re.IGNORECASE,
)
_MARKED_STOP = re.compile(rf"([.!?…][\"”’»)]?)((?:{_MARKER.pattern})+)", re.IGNORECASE)
_LINK = re.compile(r"(!?)\[([^\]\n]{0,300})\]\([^)\n]{0,500}\)")
_QUOTED_LINE = re.compile(r"^(?:>\s?)+")
_HEADING = re.compile(r"#{1,6}\s|(?:\*\*|__)[^*_]+(?:\*\*|__)$|```|~~~|[-=*_|:\s]+$")
_BULLET = re.compile(r"^(?:[-*+•]|\d{1,2}[.)])\s+")
_STRONG = re.compile(r"\*\*|__|`")
_EMPHASIS = re.compile(r"\*(?=\S)([^*\n]+)\*")
_FINAL = (".", "!", "?", "…", ".**", "!**", "?**", ".__", "!__", "?__")


def visible(text: str) -> str:
    """A text without what is not seen: control characters other than white space, zero-width and direction marks, and their like."""
    return _ANSI.sub("", text).translate(_VISIBLE)


def has_words(text: str) -> bool:
    """Whether a letter or digit stands in a text."""
    return any(char.isalnum() for char in text)


def blocks(reply: str) -> Iterator[str]:
    """The text of a reply in prose, without its headings, some lines at once."""
    block: list[str] = []
    size = 0
    for line in reply.splitlines():
        bare = _QUOTED_LINE.sub("", line.strip()).strip()
        kept = bool(bare) and not (_HEADING.match(bare) and not bare.endswith(_FINAL))
        if block and (not kept or size + len(bare) > LONGEST_TEXT // 2):
            yield "\n".join(block)
            block, size = [], 0
        if kept:
            block.append(_BULLET.sub("• ", bare))
            size += len(bare)
    if block:
        yield "\n".join(block)


def statements(text: str) -> Iterator[tuple[str, list[int]]]:
    """The sentences of a text that have words, each with the numbers of the passages whose markers stood in it or after it.

    White space is collapsed; quotation marks are kept. Of a text that is too long, the sentence that is cut is left out.
    """
    cut = len(text) > LONGEST_TEXT
    text = visible(text[:LONGEST_TEXT])
    text = _EMPHASIS.sub(r"\1", _STRONG.sub("", _LINK.sub(_link_text, text)))
    lines = [line if _MARKER.match(line) else _MARKED_STOP.sub(r"\2\1", line) for line in text.splitlines()]
    text = "\n".join(lines)
    found = sentences.split(text)
    for sentence in found[:-1] if cut else found:
        words = text[sentence.start : sentence.end]
        numbers = [int(number) for marker in _MARKER.findall(words) for number in re.findall(r"\d+", marker)]
        bare = " ".join(_MARKER.sub("", words).split())
        if has_words(bare):
            yield bare, numbers


def _link_text(link: re.Match[str]) -> str:
    """Of a link its text, in brackets where it is a passage's number; of a picture nothing."""
    if link[1]:
        return ""
    return f"[{link[2]}]" if link[2].isdecimal() else link[2]


class _Visible(dict[int, int | None]):
    """Code points to themselves, or to None where nothing is drawn."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        unseen = unicodedata.category(char) in _UNSEEN and not char.isspace()
        unseen = unseen or char in _BLANK or any(code in these for these in _VARIATIONS)
        self[code] = None if unseen else code
        return self[code]


_VISIBLE = _Visible()
