"""A run as columns: one array a quantity, one row a question, NaN where it does not apply. What every figure is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.evaluate.calibration import Floats
from rag.evaluate.outcome import OFF_COLLECTION_KINDS, TRAP, Outcome
from rag.evaluate.run import PASSAGES, Result, Run

TWO_ARTICLES = "two-articles"


class Columns:
    """Arrays of shape (questions,) by name. `first` to `right_quote` regard the quotes whether or not `ask` would give them."""

    def __init__(self, names: Sequence[str], table: Floats) -> None:
        """Columns of a table of shape (names, questions)."""
        self._rows = {name: row for row, name in enumerate(names)}
        self._names = tuple(names)
        self._table = table

    def __getitem__(self, name: str) -> Floats:
        """The column of that name."""
        column: Floats = self._table[self._rows[name]]
        return column

    def at(self, rows: NDArray[np.intp]) -> Columns:
        """These rows, in this order; a row may come several times."""
        return Columns(self._names, self._table[:, rows])

    def __len__(self) -> int:
        return int(self._table.shape[1])


def columns(run: Run) -> Columns:
    """The columns of a run, of the questions that can be judged."""
    results = [result for result in run.results if result.judged]
    retrieval = _retrieval(results)
    found: dict[str, Floats] = {
        "answerable": _array(result.answerable for result in results),
        "hit1": retrieval["Success@1"],
        "hit5": retrieval["Success@5"],
        "reciprocal": retrieval["RR@10"],
        "first": _answerable(results, [any(result.quoted[:1]) for result in results]),
        "first_contained": _answerable(results, [any(result.contained[:1]) for result in results]),
        "any_quote": _answerable(results, [any(result.quoted[:3]) for result in results]),
        "right_quote": _array(result.answerable and any(result.quoted[:1]) for result in results),
        "answered_right": _answerable(results, [result.right for result in results]),
        "answered_first": _answerable(results, [result.first_right for result in results]),
        "complete": _array(result.complete if result.kind == TWO_ARTICLES else None for result in results),
        "abstained": _array(result.abstained for result in results),
        "confidence": _array(result.confidence for result in results),
        "near_miss": _array(not result.answerable and result.kind not in OFF_COLLECTION_KINDS for result in results),
        "off_topic": _array(not result.answerable and result.kind in OFF_COLLECTION_KINDS for result in results),
        "hidden_confidence": _array(result.hidden.confidence if result.hidden else None for result in results),
        "hidden_abstained": _array(result.hidden.abstained if result.hidden else None for result in results),
        "wanted": _array(result.correct for result in results),
        "misattributed": _array(_misattributed(result) for result in results),
        "speaker_named": _array(result.speaker_named for result in results),
        "speaker_right": _array(result.speaker_right for result in results),
        "excerpt_recall": _array(result.excerpts.recall if result.excerpts else None for result in results),
        "excerpt_precision": _array(result.excerpts.precision if result.excerpts else None for result in results),
        "excerpt_iou": _array(result.excerpts.iou if result.excerpts else None for result in results),
        "quotes": _array(result.quotes for result in results),
        "verbatim": _array(result.verbatim for result in results),
        "milliseconds": _array(result.milliseconds for result in results),
    }
    return Columns(list(found), np.stack(list(found.values())))


def _misattributed(result: Result) -> bool | None:
    if result.misattributed is None and result.kind != TRAP:
        return None
    return result.outcome is Outcome.MISATTRIBUTED


def _array(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values], float)


def _answerable(results: list[Result], values: list[bool]) -> Floats:
    return _array(value if result.answerable else None for result, value in zip(results, values, strict=True))


def _retrieval(results: list[Result]) -> dict[str, Floats]:
    """Hit@1, hit@5 and reciprocal rank of the first ten passages for each answerable question, by ir-measures."""
    names = ("Success@1", "Success@5", f"RR@{PASSAGES}")
    found = {name: np.full(len(results), np.nan) for name in names}
    rows = {str(row): row for row, result in enumerate(results) if result.answerable}
    if rows:
        import ir_measures

        judged = [
            ir_measures.Qrel(name, f"p{rank}", 1)
            for name, row in rows.items()
            for rank in results[row].relevant or (0,)
        ]
        listed = [
            ir_measures.ScoredDoc(name, f"p{rank}", float(-rank)) for name in rows for rank in range(1, PASSAGES + 1)
        ]
        for metric in ir_measures.iter_calc([ir_measures.parse_measure(name) for name in names], judged, listed):
            found[str(metric.measure)][rows[metric.query_id]] = metric.value
    return found
