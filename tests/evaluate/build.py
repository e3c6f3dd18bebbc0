"""Results and runs, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluate.run import Result, Run

_ANSWERED = Result(
    id="q",
    question="Where did the ferry sink?",
    kind="where",
    answerable=True,
    abstained=False,
    confidence=0.9,
    relevant=(1,),
    quoted=(True,),
    contained=(True,),
    right=True,
    first_right=True,
    complete=True,
    right_article=True,
    quotes=1,
    verbatim=1,
    milliseconds=10.0,
)
_WRONG: dict[str, object] = {
    "relevant": (),
    "quoted": (False,),
    "contained": (False,),
    "right": False,
    "first_right": False,
    "complete": False,
    "right_article": False,
}
_UNANSWERABLE: dict[str, object] = {**_WRONG, "answerable": False, "kind": "near-miss"}


def right(name: str, **changes: object) -> Result:
    """An answerable question that was answered."""
    return _ANSWERED.model_copy(update={"id": name, **changes})


def wrong(name: str, **changes: object) -> Result:
    """An answerable question whose quote does not hold the evidence."""
    return right(name, **{**_WRONG, **changes})


def declined(name: str, **changes: object) -> Result:
    """An unanswerable question that was not answered."""
    return right(name, **{**_UNANSWERABLE, "abstained": True, "confidence": 0.1, "quotes": 0, "verbatim": 0, **changes})


def fabled(name: str, **changes: object) -> Result:
    """An unanswerable question that was answered."""
    return right(name, **{**_UNANSWERABLE, **changes})


def run_of(results: Sequence[Result], **changes: object) -> Run:
    """A run of these results."""
    finished = Run(
        gold="news",
        digest="0" * 64,
        model="stand-in",
        articles=5,
        passages=9,
        min_confidence=0.2,
        results=tuple(results),
    )
    return finished.model_copy(update=changes)
