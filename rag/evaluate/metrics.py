"""The figures of a run: what each means, how it is computed, and its 95 % bootstrap interval over questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rag.evaluate import calibration
from rag.evaluate.bootstrap import intervals, mean_interval
from rag.evaluate.calibration import Floats
from rag.evaluate.columns import Columns, columns
from rag.evaluate.outcome import Outcome
from rag.evaluate.run import Result, Run


class Measure(NamedTuple):
    """A figure: how it is computed from columns (None: it does not apply), whether more is better, and whether the gate watches it.

    `each` is the column whose mean it is, where it is a mean over questions: then its interval costs little.
    """

    name: str
    of: Callable[[Columns], float | None]
    higher: bool = True
    watched: bool = False
    each: str = ""


class Figure(NamedTuple):
    """A figure measured, with its interval; None where it does not apply."""

    value: float | None
    low: float | None
    high: float | None


Figures = dict[str, Figure]


def _mean(column: str) -> Callable[[Columns], float | None]:
    def value(data: Columns) -> float | None:
        values = data[column]
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else None

    return value


def _share_of(name: str, column: str, *, higher: bool = True, watched: bool = False) -> Measure:
    return Measure(name, _mean(column), higher, watched, column)


def _given_right(data: Columns) -> float | None:
    """Of the answers given, unanswerable questions included, the share whose first quote is right."""
    given = data["abstained"] == 0
    return float((data["answered_first"][given] == 1).mean()) if given.any() else None


def _coverage(data: Columns) -> float | None:
    return float(1 - data["abstained"].mean()) if len(data) else None


def _abstention_precision(data: Columns) -> float | None:
    said = data["abstained"] == 1
    if not (data["answerable"] == 0).any():
        return None
    return float((data["answerable"][said] == 0).mean()) if said.any() else 0.0


def _abstention_recall(data: Columns) -> float | None:
    unanswerable = data["answerable"] == 0
    return float(data["abstained"][unanswerable].mean()) if unanswerable.any() else None


def _near_miss_auroc(data: Columns) -> float | None:
    return calibration.auroc(data["confidence"][data["answerable"] == 1], data["confidence"][data["near_miss"] == 1])


def _off_collection(data: Columns) -> Floats:
    hidden = data["hidden_confidence"]
    return np.concatenate([hidden[~np.isnan(hidden)], data["confidence"][data["off_topic"] == 1]])


def _off_collection_auroc(data: Columns) -> float | None:
    return calibration.auroc(data["confidence"][data["answerable"] == 1], _off_collection(data))


def _off_collection_recall(data: Columns) -> float | None:
    hidden = data["hidden_abstained"]
    abstained = np.concatenate([hidden[~np.isnan(hidden)], data["abstained"][data["off_topic"] == 1]])
    return float(abstained.mean()) if len(abstained) else None


def _error_with_hidden(data: Columns) -> float | None:
    hidden = data["hidden_confidence"][~np.isnan(data["hidden_confidence"])]
    if not len(hidden):
        return None
    confidence = np.concatenate([data["confidence"], hidden])
    right = np.concatenate([data["right_quote"], np.zeros(len(hidden))])
    return calibration.calibration_error(confidence, right)


def _over_all(of: Callable[[Floats, Floats], float]) -> Callable[[Columns], float | None]:
    return lambda data: of(data["confidence"], data["right_quote"]) if len(data) else None


def _speaker_precision(data: Columns) -> float | None:
    right = data["speaker_right"][data["speaker_named"] == 1]
    return float(right.mean()) if len(right) else None


def _verbatim(data: Columns) -> float | None:
    total = data["quotes"].sum()
    return float(data["verbatim"].sum() / total) if total else None


def _percentile(share: float) -> Callable[[Columns], float | None]:
    return lambda data: float(np.percentile(data["milliseconds"], share)) if len(data) else None


MEASURES = (
    _share_of("passage hit@1", "hit1", watched=True),
    _share_of("passage hit@5", "hit5", watched=True),
    _share_of("passage MRR@10", "reciprocal"),
    _share_of("answer sentence @1", "first", watched=True),
    _share_of("answer sentence @1, contained", "first_contained"),
    _share_of("any of three quotes", "any_quote"),
    _share_of("answer accuracy@1", "answered_right", watched=True),
    _share_of("first quote right", "answered_first", watched=True),
    _share_of("both articles cited", "complete", watched=True),
    _share_of("outcome as wanted", "wanted", watched=True),
    Measure("answers given", _coverage),
    Measure("right of those given", _given_right, watched=True),
    Measure("quotes verbatim", _verbatim, watched=True),
    Measure("abstention precision", _abstention_precision),
    Measure("abstention recall", _abstention_recall, watched=True),
    Measure("AUROC near miss", _near_miss_auroc, watched=True),
    Measure("off-collection: abstained", _off_collection_recall, watched=True),
    Measure("AUROC off-collection", _off_collection_auroc, watched=True),
    Measure("ECE", _over_all(calibration.calibration_error), higher=False),
    Measure("ECE, equal mass", _over_all(calibration.equal_mass_error), higher=False),
    Measure("ECE, off-collection too", _error_with_hidden, higher=False),
    Measure("Brier score", _over_all(calibration.brier), higher=False),
    Measure("AURC", _over_all(calibration.aurc), higher=False),
    _share_of("misattributed", "misattributed", higher=False, watched=True),
    Measure("speaker precision", _speaker_precision, watched=True),
    _share_of("speaker recall", "speaker_right", watched=True),
    _share_of("token recall", "excerpt_recall", watched=True),
    _share_of("token precision", "excerpt_precision"),
    _share_of("token IoU", "excerpt_iou"),
    Measure("latency p50 ms", _percentile(50), higher=False),
    Measure("latency p95 ms", _percentile(95), higher=False),
)
"""Every figure, in the order in which they are reported. Latencies are in milliseconds, all others in 0..1."""

HEADLINES = (
    "passage hit@1",
    "passage hit@5",
    "answer sentence @1",
    "answer accuracy@1",
    "right of those given",
    "AUROC near miss",
    "AUROC off-collection",
    "ECE",
)


def figures(run: Run, resamples: int = 2_000) -> Figures:
    """The figures of a run by name, each with its 95 % interval by a percentile bootstrap over questions."""
    data = columns(run)
    values = {measure.name: measure.of(data) for measure in MEASURES}
    known = [measure for measure in MEASURES if values[measure.name] is not None]
    found = {measure.name: mean_interval(data[measure.each], resamples) for measure in known if measure.each}
    found |= intervals({measure.name: measure.of for measure in known if not measure.each}, data, resamples)
    return {name: Figure(value, *found.get(name, (None, None))) for name, value in values.items()}


class Kind(NamedTuple):
    """The questions of one kind: how many, how many came out as wanted, and the class of each."""

    total: int
    wanted: int
    outcomes: Counter[Outcome]


def by_kind(run: Run) -> dict[str, Kind]:
    """The kinds of question of a run, in alphabetical order."""
    kinds: dict[str, Kind] = {}
    for result in run.results:
        before = kinds.get(result.kind, Kind(0, 0, Counter()))
        kinds[result.kind] = Kind(
            before.total + 1, before.wanted + result.correct, before.outcomes + Counter([result.outcome])
        )
    return dict(sorted(kinds.items()))


def outcomes(run: Run) -> dict[Outcome, int]:
    """How many questions are in each class, in the order of the classes; those asked off-collection are not among them."""
    counted = Counter(result.outcome for result in run.results)
    return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}


def hidden_outcomes(run: Run) -> dict[Outcome, int]:
    """The same for the questions asked again without the articles that answer them."""
    hidden = [result.hidden for result in run.results if result.hidden]
    given = sum(not one.abstained for one in hidden)
    counted = {Outcome.RIGHT: len(hidden) - given, Outcome.OFF_COLLECTION: given}
    return {outcome: count for outcome, count in counted.items() if count}


def worst(run: Run, number: int = 10) -> list[Result]:
    """The questions that did most harm: answered wrongly, somebody's words taken for another's first, then the surest."""
    harmful = [
        result
        for result in run.results
        if not result.abstained and result.outcome not in {Outcome.RIGHT, Outcome.NOT_FIRST, Outcome.UNJUDGED}
    ]
    return sorted(harmful, key=lambda r: (r.outcome is not Outcome.MISATTRIBUTED, -r.confidence, r.id))[:number]
