"""Two runs over the same questions: what changed, how surely, and whether the newer one fell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from rag.errors import BadInput
from rag.evaluate.bootstrap import mean_interval, paired_intervals
from rag.evaluate.columns import columns
from rag.evaluate.metrics import MEASURES, Measure
from rag.evaluate.run import Result, Run

_RESAMPLES = 2_000


class Change(NamedTuple):
    """The difference of one figure, newer minus baseline, with its 95 % paired bootstrap interval."""

    name: str
    before: float
    after: float
    low: float
    high: float
    higher: bool = True
    watched: bool = True

    @property
    def difference(self) -> float:
        """Newer minus baseline."""
        return self.after - self.before

    @property
    def fell(self) -> bool:
        """Whether the figure became worse and the interval lies wholly on that side of zero."""
        return self.high < 0 if self.higher else self.low > 0

    @property
    def rose(self) -> bool:
        """Whether the figure became better and the interval lies wholly on that side of zero."""
        return self.low > 0 if self.higher else self.high < 0


class Verdict(NamedTuple):
    """What the comparison of two runs of one set says. `changed`: pairs of results of another class than before, none better or worse."""

    name: str
    changes: list[Change]
    better: list[Result]
    worse: list[Result]
    changed: list[tuple[Result, Result]]
    incomparable: int

    @property
    def passed(self) -> bool:
        """Whether no figure that the gate watches fell significantly."""
        return not any(change.fell and change.watched for change in self.changes)


def load_runs(path: Path) -> list[Run]:
    """The runs from the JSON that `rag eval --out` wrote.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        found = [Run.model_validate(entry["run"]) for entry in json.loads(path.read_text(encoding="utf-8"))["sets"]]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise BadInput(f"{path} is not the result of an evaluation", "Write one: rag eval --out FILE") from error
    if not found:
        raise BadInput(f"{path} holds no run", "Write one: rag eval --out FILE")
    return found


def compare_all(baseline: Sequence[Run], newer: Sequence[Run]) -> list[Verdict]:
    """Compares the sets that both have, by name.

    Raises:
        BadInput: they share no set, or a set of that name has none of the questions.
    """
    before: Mapping[str, Run] = {run.gold: run for run in baseline}
    verdicts = [compare(before[run.gold], run) for run in newer if run.gold in before]
    if not verdicts:
        named = ", ".join(sorted(before))
        raise BadInput(f"the baseline has none of these sets; it has {named}", "Compare runs over the same gold sets")
    return verdicts


def compare(baseline: Run, newer: Run) -> Verdict:
    """Compares two runs question by question, with a paired percentile bootstrap on each figure.

    Raises:
        BadInput: the runs share no question.
    """
    before = {result.id: result for result in baseline.results}
    pairs = [(before[result.id], result) for result in newer.results if _same_question(before.get(result.id), result)]
    if not pairs:
        raise BadInput(
            f"the baseline has none of these questions ({newer.gold})", "Compare runs over the same gold set"
        )
    return Verdict(
        name=newer.gold,
        changes=_changes(
            baseline.model_copy(update={"results": tuple(old for old, _ in pairs)}),
            newer.model_copy(update={"results": tuple(new for _, new in pairs)}),
        ),
        better=[new for old, new in pairs if new.correct and not old.correct],
        worse=[new for old, new in pairs if old.correct and not new.correct],
        changed=[(old, new) for old, new in pairs if old.correct == new.correct and old.outcome != new.outcome],
        incomparable=len(newer.results) - len(pairs),
    )


def _same_question(old: Result | None, new: Result) -> bool:
    if old is None:
        return False
    return (old.question, old.answerable, old.judged) == (new.question, new.answerable, new.judged)


def _changes(baseline: Run, newer: Run) -> list[Change]:
    before, after = columns(baseline), columns(newer)
    found: dict[str, tuple[Measure, float, float]] = {}
    for measure in MEASURES:
        was, became = measure.of(before), measure.of(after)
        if was is not None and became is not None:
            found[measure.name] = (measure, was, became)
    simple = {name: measure.each for name, (measure, _, _) in found.items() if measure.each}
    ranges = {name: mean_interval(after[each] - before[each], _RESAMPLES) for name, each in simple.items()}
    ranges |= paired_intervals(
        {name: measure.of for name, (measure, _, _) in found.items() if not measure.each}, before, after, _RESAMPLES
    )
    return [
        Change(name, was, became, *ranges[name], measure.higher, measure.watched)
        for name, (measure, was, became) in found.items()
        if name in ranges
    ]
