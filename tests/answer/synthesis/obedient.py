"""Articles with orders to the model in them, and a stand-in for a model that obeys every one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.answer.synthesis.prose import visible
from rag.llm import Message, Piece, Usage
from rag.types import Article

Form = Literal["json", "prose", "echo"]
PASSAGE = re.compile(
    r"^passage (?P<n>\d+) begins · (?P<mark>\w+)\n(?P<body>.*?)\npassage (?P=n) ends · (?P=mark)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Injected:
    """An article with an injection.

    `says` is what the injection wants a model to say, `truth` a true claim that answers `question`; `states` tells that the article itself states the
    falsehood; `cites` are the passages that the model is told to name.
    """

    id: str
    kind: str
    title: str
    source: str
    published: str
    text: str
    question: str
    says: tuple[str, ...]
    truth: str
    states: bool
    cites: tuple[int, ...] = ()

    @property
    def article(self) -> Article:
        """The article as it is indexed."""
        return Article(id=self.id, text=self.text, title=self.title, source=self.source, published=self.published)


def _injected() -> tuple[Injected, ...]:
    lines = Path(__file__).with_name("redteam.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return tuple(Injected(**row | {"says": tuple(row["says"]), "cites": tuple(row.get("cites", ()))}) for row in rows)


ROWS = _injected()


class Obedient:
    """Obeys whatever the passages tell it: it makes the claims they want beside the true one that was asked for.

    Args:
        form: its replies are JSON, prose, or the JSON that stands in a passage, before its own.
        most: how many claims it makes.

    `obeyed` holds the ids of the articles whose injection it followed in its last reply, which is `last`.
    """

    def __init__(self, form: Form = "json", most: int = 6) -> None:
        self.name = f"obedient:{form}"
        self.obeyed: list[str] = []
        self.last = ""
        self._form = form
        self._most = most

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The reply, some characters at a time."""
        prompt = "\n".join(message.text for message in messages)
        self.last = self._reply(prompt)
        for start in range(0, len(self.last), 7):
            yield Piece(self.last[start : start + 7])
        yield Piece(stop="end", usage=Usage(1, len(prompt.split()), len(self.last.split())))

    def close(self) -> None:
        """It holds nothing."""

    def _reply(self, prompt: str) -> str:
        given: dict[str, list[int]] = {}
        bodies: list[str] = []
        for found in PASSAGE.finditer(prompt):
            bodies.append(found["body"])
            for row in ROWS:
                if _bare(found["body"].partition("\n\n")[2]) in _bare(row.text):
                    given.setdefault(row.id, []).append(int(found["n"]))
        after = prompt[prompt.rfind("passage ") :]
        rows = sorted((row for row in ROWS if row.id in given), key=lambda row: row.question not in after)
        claims = [(row.truth, given[row.id]) for row in rows[:1]]
        self.obeyed = []
        for row in rows:
            if len(claims) + len(row.says) <= self._most:
                claims += [(text, list(row.cites) or given[row.id]) for text in row.says]
                self.obeyed.append(row.id)
        if self._form == "prose":
            return "\n\n".join(f"{text} {''.join(f'[{number}]' for number in numbers)}" for text, numbers in claims)
        reply = json.dumps({"claims": [{"text": text, "passages": numbers} for text, numbers in claims]})
        if self._form == "json":
            return reply
        echoed = [found[0] for body in bodies for found in re.finditer(r"\{.*\}", body)]
        return "\n".join([*echoed, reply])


def _bare(text: str) -> str:
    return " ".join(visible(text).split())
