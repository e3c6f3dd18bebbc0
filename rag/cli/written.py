"""A language model's claims, shown as they are verified, then their sources."""

from __future__ import annotations

import sys

from rag.answer.synthesis import shown_text
from rag.cli.render import abstention_text, console, dated, notes_text, one_line, sources_text
from rag.types import Answer, Citation, Claim, Verdict

_MARKS: dict[Verdict, str] = {"supported": "", "partly": " (only partly supported)", "unsupported": " (not supported)"}


class ClaimsShown:
    """Shows the claims of one answer, each as soon as it is verified, and what follows them.

    Args:
        model: the model's name.
        terminal: whether standard output is a terminal.
        unsupported: show what is not supported too, struck through, also where nothing is supported.
    """

    def __init__(self, model: str, *, terminal: bool, unsupported: bool = False) -> None:
        self._model = model
        self._terminal = terminal
        self._unsupported = unsupported
        self._cited: dict[int, Citation] = {}
        self._any = False

    def claim(self, claim: Claim, citations: tuple[Citation, ...] = ()) -> None:
        """Shows one claim."""
        if self._terminal:
            self._on_terminal(claim)
        else:
            print(one_line(shown_text(claim)))  # noqa: T201
        self._any = True
        self._cited |= {citation.n: citation for citation in citations}
        sys.stdout.flush()

    def end(self, answer: Answer) -> None:
        """Shows the sources of the claims, or that there is no answer, and the notes."""
        if answer.abstained:
            for claim in answer.claims if self._unsupported else ():
                self.claim(claim)
            if self._any and not self._terminal:
                print()  # noqa: T201
            abstention_text(answer, terminal=self._terminal)
        else:
            sources_text(answer, terminal=self._terminal, quotes=True, about=[self._summary(answer)])
        notes_text(answer)

    def break_off(self, then: str = "") -> None:
        """Shows what the claims shown so far rest on, where the model failed after some; then what follows them, in words."""
        if not self._any:
            return
        lines = []
        for n, cited in sorted(self._cited.items()):
            article = cited.article
            outlet = one_line(article.source or "outlet not named")
            lines += [
                f"[{n}] {one_line(article.label)} · {outlet}, {dated(article)}",
                f"    {one_line(cited.quote)}",
            ]
        lines += ["", one_line(f"{self._model} broke off here. {then}")]
        if not self._terminal:
            print("\n".join(["", *lines, *([""] if then else [])]))  # noqa: T201
            return
        from rich.padding import Padding
        from rich.text import Text

        for line in lines:
            bare = line.lstrip()
            console().print(Padding(Text(bare), (0, 2, 0, 2 + len(line) - len(bare))))

    def _summary(self, answer: Answer) -> str:
        supported = sum(claim.verdict == "supported" for claim in answer.claims)
        kept = " (kept reply)" if answer.writing and answer.writing.cached else ""
        return f"written by {self._model}{kept}: {supported} of {len(answer.claims)} claims supported"

    def _on_terminal(self, claim: Claim) -> None:
        from rich.padding import Padding
        from rich.text import Text

        supported = claim.verdict == "supported"
        text = Text(one_line(claim.text), "" if supported else "strike")
        text.append(_MARKS[claim.verdict], "yellow not strike")
        text.append("".join(f" [{n}]" for n in claim.citations), "cyan not strike")
        console().print(Padding(text, (0 if self._any else 1, 2, 1, 2)))
