"""A gate: two runs over the same questions, and whether the newer one fell significantly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from rag.errors import BadInput
from rag.evaluate.run import Result, Run

_RESAMPLES = 2_000
_LEVEL = 0.95
_WATCHED: dict[str, Callable[[Result], float | None]] = {
    "passage hit@1": lambda result: float(1 in result.relevant) if result.answerable else None,
    "answer accuracy@1": lambda result: float(result.right) if result.answerable else None,
    "first quote right": lambda result: float(result.first_right) if result.answerable else None,
    "abstained when unanswerable": lambda result: None if result.answerable else float(result.abstained),
    "outcome as wanted": lambda result: float(result.correct),
    "quotes verbatim": lambda result: result.verbatim / result.quotes if result.quotes else None,
}


class Change(NamedTuple):
    """The difference of one figure, newer minus baseline, with its bootstrap interval."""

    name: str
    difference: float
    low: float
    high: float

    @property
    def fell(self) -> bool:
        """Whether the interval lies wholly below zero."""
        return self.high < 0


class Verdict(NamedTuple):
    """What the gate says."""

    changes: list[Change]
    better: list[Result]
    worse: list[Result]
    incomparable: int

    @property
    def passed(self) -> bool:
        """Whether no figure fell significantly."""
        return not any(change.fell for change in self.changes)


def load_run(path: Path) -> Run:
    """A run from the JSON that `rag eval --out` wrote.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return Run.model_validate(json.loads(path.read_text(encoding="utf-8"))["run"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise BadInput(f"{path} is not the result of an evaluation", "Write one: rag eval --out FILE") from error


def compare(baseline: Run, newer: Run) -> Verdict:
    """Compares two runs question by question, with a paired percentile bootstrap on each figure.

    Raises:
        BadInput: the runs share no question.
    """
    before = {result.id: result for result in baseline.results}
    pairs = [(before[result.id], result) for result in newer.results if _same_question(before.get(result.id), result)]
    if not pairs:
        raise BadInput("the baseline has none of these questions", "Compare runs over the same gold set")
    changes = [_change(name, value, pairs) for name, value in _WATCHED.items()]
    return Verdict(
        changes=[change for change in changes if change is not None],
        better=[new for old, new in pairs if new.correct and not old.correct],
        worse=[new for old, new in pairs if old.correct and not new.correct],
        incomparable=len(newer.results) - len(pairs),
    )


def _same_question(old: Result | None, new: Result) -> bool:
    return old is not None and (old.question, old.answerable) == (new.question, new.answerable)


def _change(name: str, value: Callable[[Result], float | None], pairs: list[tuple[Result, Result]]) -> Change | None:
    differences = [
        new_value - old_value
        for old, new in pairs
        if (old_value := value(old)) is not None and (new_value := value(new)) is not None
    ]
    if not differences:
        return None
    mean = float(np.mean(differences))
    if len(set(differences)) == 1:  # nothing to resample: the interval is the point
        return Change(name, mean, mean, mean)
    from scipy.stats import bootstrap

    interval = bootstrap(
        (np.array(differences),),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=_LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Change(name, mean, float(interval.low), float(interval.high))
