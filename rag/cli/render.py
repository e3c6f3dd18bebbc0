"""Answers and hits as text: plain for a pipe, wrapped and coloured for a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rag import words
from rag.answer.witness import phrase as witness_phrase
from rag.types import Answer, Article, Citation, Hit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NEAREST = 3
_EXCERPT = 160
_NOTHING = "Nothing in the articles answers this part."
_WEB = re.compile(r"https?://", re.IGNORECASE)
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"


def answer_text(answer: Answer, *, terminal: bool) -> None:
    """Prints an answer: the quotes, then the sources; or that there is none, and what came nearest."""
    if answer.abstained:
        _print([_abstention(answer), *_nearest(answer)], answer.question, terminal=terminal)
    elif terminal:
        _on_terminal(answer)
    else:
        lines: list[str] = []
        for heading, citations in _sections(answer):
            lines += [*([f"{heading}"] if heading else []), *(f"{_one_line(c.quote)} [{c.n}]" for c in citations)]
            lines += [] if citations else [_NOTHING]
        sources = [
            f"[{c.n}] {' · '.join([*_said(c), _source(c.article), *_copies(c), _place(c)])}" for c in answer.citations
        ]
        _print([*lines, "", *sources, "", *_differences(answer), _confidence(answer)], answer.question, terminal=False)
    for note in answer.notes:
        notice(f"note: {_one_line(note)}")


def hits_text(hits: Sequence[Hit], question: str, *, terminal: bool) -> None:
    """Prints passages found, best first."""
    lines: list[str] = []
    for hit in hits:
        lines.append(f"{hit.rank}. {hit.score:.3f}  {_source(hit.article)}")
        lines.append(f"   {_one_line(hit.text)}")
    _print(lines or ["nothing found"], question, terminal=terminal)


def clean(text: str) -> str:
    """A text without the control characters that could steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def notice(line: str) -> None:
    """Prints a line on standard error."""
    print(clean(line), file=sys.stderr, flush=True)  # noqa: T201


def is_terminal() -> bool:
    """Whether standard output is a terminal that takes more than plain lines."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _source(article: Article) -> str:
    return f"{_one_line(article.label)} · {_one_line(article.source or 'outlet not named')}, {dated(article)}"


def dated(article: Article) -> str:
    """When an article was published, as far as it says."""
    if article.published:
        return article.published
    return f"{_one_line(article.published_text)} (no full date)" if article.published_text else "date not given"


def _sections(answer: Answer) -> list[tuple[str | None, list[Citation]]]:
    """The quotes under the parts of the question that they answer; what belongs to none (the other side of a conflict) comes last."""
    if not answer.parts:
        return [(None, list(answer.citations))]
    by_number = {citation.n: citation for citation in answer.citations}
    sections = [
        (_one_line(part.question), [by_number.pop(n) for n in part.citations if n in by_number])
        for part in answer.parts
    ]
    return [*sections, *([(None, list(by_number.values()))] if by_number else [])]


def _said(citation: Citation) -> list[str]:
    """Who says it, and to whom."""
    if not citation.speaker:
        return []
    told = f", to {_one_line(citation.addressee)}" if citation.addressee else ""
    return [f"{_one_line(citation.speaker)}{told}"]


def _differences(answer: Answer) -> list[str]:
    """What the quotes do not agree on, a line each."""
    lines = []
    for conflict in answer.conflicts:
        (one, other), (words_one, words_other) = conflict.citations, conflict.words
        newer = f"; [{conflict.newer}] is newer" if conflict.newer else ""
        what = (
            "one denies the other"
            if conflict.kind == "denial"
            else f"{_one_line(words_one)} [{one}], {_one_line(words_other)} [{other}]"
        )
        where = f" ([{one}], [{other}])" if conflict.kind == "denial" else ""
        lines.append(f"The articles differ: {what}{where}{newer}.")
    return lines


def _copies(citation: Citation) -> list[str]:
    return [f"also in {_one_line(', '.join(citation.also_in))}"] if citation.also_in else []


def _place(citation: Citation) -> str:
    where = citation.article.path or citation.article.url or citation.article.id
    return f"{clean(where)} {citation.start}–{citation.end}"


def _confidence(answer: Answer) -> str:
    count = answer.index.articles
    basis = [part for part in (witness_phrase(answer.witnesses), answer.when) if part]
    return _one_line(
        " · ".join([*basis, f"confidence {answer.confidence:.2f}", f"{count} article{'s' * (count != 1)}"])
    )


def _abstention(answer: Answer) -> str:
    count = answer.index.articles
    return f"Nothing in the {count} article{'s' * (count != 1)} answers this (confidence {answer.confidence:.2f})."


def _nearest(answer: Answer) -> list[str]:
    if not answer.hits:
        return []
    lines = ["", "Nearest:"]
    best = {hit.article.id: hit for hit in reversed(answer.hits)}  # of each article its best passage
    for hit in sorted(best.values(), key=lambda hit: hit.rank)[:_NEAREST]:
        lines.append(f"- {_source(hit.article)}")
        excerpt = _one_line(hit.text)
        lines.append(f"  {excerpt[:_EXCERPT].rsplit(' ', 1)[0]}…" if len(excerpt) > _EXCERPT else f"  {excerpt}")
    return lines


def _print(lines: Iterable[str], question: str, *, terminal: bool) -> None:
    if not terminal:
        print("\n".join(lines))  # noqa: T201
        return
    from rich.padding import Padding

    console = _console()
    for line in lines:
        indent = len(line) - len(line.lstrip())
        console.print(Padding(_highlighted(line.lstrip(), question), (0, 0, 0, indent)))


def _console() -> Console:
    from rich.console import Console

    return Console(
        highlight=False, soft_wrap=False, color_system=None if os.environ.get("NO_COLOR") else "auto", markup=False
    )


def _highlighted(line: str, question: str) -> Text:
    """A line in which the question's words stand out."""
    from rich.text import Text

    text = Text(line)
    asked = {word.stem for word in words.content_words(question)}
    for word in words.words(line):
        if any(words.related(stem, word.stem) for stem in asked):
            text.stylize("bold", word.start, word.end)
    return text


def _link(article: Article) -> str | None:
    """Where an article can be opened: its address on the web, else its file; nothing in it can steer a terminal."""
    if article.url:
        return quote(article.url, safe=_URL_SAFE, errors="replace") if _WEB.match(article.url) else None
    return Path(article.path).as_uri() if article.path and Path(article.path).is_absolute() else None


def _on_terminal(answer: Answer) -> None:
    from rich.padding import Padding
    from rich.style import Style
    from rich.text import Text

    console = _console()
    console.print()
    for heading, citations in _sections(answer):
        if heading:
            console.print(Padding(Text(heading, "italic"), (0, 2, 1, 2)))
        for citation in citations:
            quote = _highlighted(_one_line(citation.quote), answer.question)
            console.print(Padding(quote + Text(f" [{citation.n}]", "cyan"), (0, 2, 1, 2)))
        if not citations:
            console.print(Padding(Text(_NOTHING, "yellow"), (0, 2, 1, 2)))
    for citation in answer.citations:
        article = citation.article
        line = Text("  ") + Text(f"[{citation.n}] ", "cyan") + Text(_one_line(article.label), "italic")
        console.print(line)
        about = [*_said(citation), _one_line(article.source or "outlet not named"), dated(article), *_copies(citation)]
        detail = Text("      " + " · ".join(about) + " · ", "dim")
        name = _one_line(article.url or (Path(article.path).name if article.path else article.id))
        detail.append(name, Style(dim=True, link=_link(article)))
        detail.append(f" {citation.start}–{citation.end}", "dim")
        console.print(detail)
    console.print()
    for difference in _differences(answer):
        console.print(Padding(Text(difference, "yellow"), (0, 2, 0, 2)))
    console.print(Padding(Text(_confidence(answer), "dim"), (0, 2, 0, 2)))
