"""A language model's claims, shown as they are verified, then their sources."""

from __future__ import annotations

import sys

from rag.answer.synthesis import shown_text
from rag.cli.render import abstention_text, console, notes_text, one_line, sources_text
from rag.types import Answer, Citation, Claim, Verdict

_MARKS: dict[Verdict, str] = {"supported": "", "partly": " (only partly supported)", "unsupported": " (not supported)"}


class ClaimsShown:
    """Shows the claims of one answer, each as soon as it is verified, and what follows them."""

    def __init__(self, model: str, *, terminal: bool) -> None:
        self._model = model
        self._terminal = terminal
        self._any = False

    def claim(self, claim: Claim, _citations: tuple[Citation, ...]) -> None:
        """Shows one claim."""
        if self._terminal:
            self._on_terminal(claim)
        else:
            print(one_line(shown_text(claim)))  # noqa: T201
        self._any = True
        sys.stdout.flush()

    def end(self, answer: Answer) -> None:
        """Shows the sources of the claims, or that there is no answer, and the notes."""
        if answer.abstained:
            abstention_text(answer, terminal=self._terminal)
        else:
            sources_text(answer, terminal=self._terminal, quotes=True, about=[self._summary(answer)])
        notes_text(answer)

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
