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
        abstention_text(answer, terminal=terminal)
    elif terminal:
        _on_terminal(answer)
    else:
        lines: list[str] = []
        for heading, citations in _sections(answer):
            lines += [*([f"{heading}"] if heading else []), *(f"{one_line(c.quote)} [{c.n}]" for c in citations)]
            lines += [] if citations else [_NOTHING]
        print("\n".join(lines))  # noqa: T201
        sources_text(answer, terminal=False)
    notes_text(answer)


def sources_text(answer: Answer, *, terminal: bool, quotes: bool = False, about: Sequence[str] = ()) -> None:
    """Prints what follows an answer's text: its sources, what they do not agree on, and how sure it is.

    Args:
        answer: the answer.
        terminal: whether standard output is a terminal.
        quotes: print the quotes too, where the answer's text is not made of them.
        about: more for the last line.
    """
    if terminal:
        _sources_on_terminal(answer, quotes=quotes, about=about)
        return
    lines = [""]
    for citation in answer.citations:
        where = " · ".join([*_said(citation), _source(citation.article), *_copies(citation), _place(citation)])
        lines += [f"[{citation.n}] {where}", *([f"    {one_line(citation.quote)}"] if quotes else [])]
    print("\n".join([*lines, "", *_differences(answer), _confidence(answer, about)]))  # noqa: T201


def notes_text(answer: Answer) -> None:
    """Prints an answer's notes on standard error."""
    for note in answer.notes:
        notice(f"note: {one_line(note)}")


def hits_text(hits: Sequence[Hit], question: str, *, terminal: bool) -> None:
    """Prints passages found, best first."""
    lines: list[str] = []
    for hit in hits:
        lines.append(f"{hit.rank}. {hit.score:.3f}  {_source(hit.article)}")
        lines.append(f"   {one_line(hit.text)}")
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


def one_line(text: str) -> str:
    """A text on one line, without what could steer a terminal."""
    return " ".join(clean(text).split())


def _source(article: Article) -> str:
    return f"{one_line(article.label)} · {one_line(article.source or 'outlet not named')}, {dated(article)}"


def dated(article: Article) -> str:
    """When an article was published, as far as it says."""
    if article.published:
        return article.published
    return f"{one_line(article.published_text)} (no full date)" if article.published_text else "date not given"


def _sections(answer: Answer) -> list[tuple[str | None, list[Citation]]]:
    """The quotes under the parts of the question that they answer; what belongs to none (the other side of a conflict) comes last."""
    if not answer.parts:
        return [(None, list(answer.citations))]
    by_number = {citation.n: citation for citation in answer.citations}
    sections = [
        (one_line(part.question), [by_number.pop(n) for n in part.citations if n in by_number]) for part in answer.parts
    ]
    return [*sections, *([(None, list(by_number.values()))] if by_number else [])]


def _said(citation: Citation) -> list[str]:
    """Who says it, and to whom."""
    if not citation.speaker:
        return []
    told = f", to {one_line(citation.addressee)}" if citation.addressee else ""
    return [f"{one_line(citation.speaker)}{told}"]


def _differences(answer: Answer) -> list[str]:
    """What the quotes do not agree on, a line each."""
    lines = []
    for conflict in answer.conflicts:
        (one, other), (words_one, words_other) = conflict.citations, conflict.words
        newer = f"; [{conflict.newer}] is newer" if conflict.newer else ""
        what = (
            "one denies the other"
            if conflict.kind == "denial"
            else f"{one_line(words_one)} [{one}], {one_line(words_other)} [{other}]"
        )
        where = f" ([{one}], [{other}])" if conflict.kind == "denial" else ""
        lines.append(f"The articles differ: {what}{where}{newer}.")
    return lines


def _copies(citation: Citation) -> list[str]:
    return [f"also in {one_line(', '.join(citation.also_in))}"] if citation.also_in else []


def _place(citation: Citation) -> str:
    where = citation.article.path or citation.article.url or citation.article.id
    return f"{clean(where)} {citation.start}–{citation.end}"


def _confidence(answer: Answer, about: Sequence[str] = ()) -> str:
    count = answer.index.articles
    basis = [part for part in (witness_phrase(answer.witnesses), answer.when, *about) if part]
    return one_line(" · ".join([*basis, f"confidence {answer.confidence:.2f}", f"{count} article{'s' * (count != 1)}"]))


def abstention_text(answer: Answer, *, terminal: bool) -> None:
    """Prints that nothing answers, and what came nearest."""
    _print([_abstention(answer), *_nearest(answer)], answer.question, terminal=terminal)


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
        excerpt = one_line(hit.text)
        lines.append(f"  {excerpt[:_EXCERPT].rsplit(' ', 1)[0]}…" if len(excerpt) > _EXCERPT else f"  {excerpt}")
    return lines


def _print(lines: Iterable[str], question: str, *, terminal: bool) -> None:
    if not terminal:
        print("\n".join(lines))  # noqa: T201
        return
    from rich.padding import Padding

    screen = console()
    for line in lines:
        indent = len(line) - len(line.lstrip())
        screen.print(Padding(_highlighted(line.lstrip(), question), (0, 0, 0, indent)))


def console() -> Console:
    """The terminal that standard output is."""
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
    from rich.text import Text

    screen = console()
    screen.print()
    for heading, citations in _sections(answer):
        if heading:
            screen.print(Padding(Text(heading, "italic"), (0, 2, 1, 2)))
        for citation in citations:
            quote = _highlighted(one_line(citation.quote), answer.question)
            screen.print(Padding(quote + Text(f" [{citation.n}]", "cyan"), (0, 2, 1, 2)))
        if not citations:
            screen.print(Padding(Text(_NOTHING, "yellow"), (0, 2, 1, 2)))
    _sources_on_terminal(answer)


def _sources_on_terminal(answer: Answer, *, quotes: bool = False, about: Sequence[str] = ()) -> None:
    from rich.padding import Padding
    from rich.style import Style
    from rich.text import Text

    screen = console()
    for citation in answer.citations:
        article = citation.article
        line = Text("  ") + Text(f"[{citation.n}] ", "cyan") + Text(one_line(article.label), "italic")
        screen.print(line)
        if quotes:
            screen.print(Padding(_highlighted(one_line(citation.quote), answer.question), (0, 2, 0, 6)))
        told = [*_said(citation), one_line(article.source or "outlet not named"), dated(article), *_copies(citation)]
        detail = Text(" · ".join(told) + " · ", "dim")
        name = one_line(article.url or (Path(article.path).name if article.path else article.id))
        detail.append(name, Style(dim=True, link=_link(article)))
        detail.append(f" {citation.start}–{citation.end}", "dim")
        screen.print(Padding(detail, (0, 0, 0, 6)))
    screen.print()
    for difference in _differences(answer):
        screen.print(Padding(Text(difference, "yellow"), (0, 2, 0, 2)))
    screen.print(Padding(Text(_confidence(answer, about), "dim"), (0, 2, 0, 2)))
