"""Figures of a run. Retrieval measures come from ir-measures, classification measures from scikit-learn."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rag.evaluate.run import PASSAGES, Result, Run

Figures = dict[str, float | None]


def figures(run: Run) -> Figures:
    """The figures of a run by name; shares are in 0..1, latencies in milliseconds; None where nothing was measured."""
    answerable = [result for result in run.results if result.answerable]
    quotes = sum(result.quotes for result in run.results)
    two = [result for result in answerable if result.kind == "two-articles"]
    found: Figures = dict(_retrieval(answerable))
    found["answer accuracy@1"] = _share([result.right for result in answerable])
    found["first quote right"] = _share([result.first_right for result in answerable])
    found["both articles cited"] = _share([result.complete for result in two])
    found["quotes verbatim"] = sum(result.verbatim for result in run.results) / quotes if quotes else None
    found |= _abstention(run.results)
    times = sorted(result.milliseconds for result in run.results)
    found["latency p50 ms"] = statistics.median(times)
    found["latency p95 ms"] = times[min(len(times) - 1, int(0.95 * len(times)))]
    return found


def by_kind(run: Run) -> dict[str, tuple[int, int]]:
    """For each kind of question, how many came out as wanted, and how many there are."""
    kinds: dict[str, tuple[int, int]] = {}
    for result in run.results:
        right, total = kinds.get(result.kind, (0, 0))
        kinds[result.kind] = (right + result.correct, total + 1)
    return kinds


def _retrieval(results: Sequence[Result]) -> Figures:
    """Hit@1, hit@5 and MRR@10 of the passages; any passage that covers half of a place of the evidence is a hit."""
    names = {"passage hit@1": "Success@1", "passage hit@5": "Success@5", "passage MRR@10": "RR@10"}
    if not results:
        return dict.fromkeys(names)
    import ir_measures

    judged = [ir_measures.Qrel(r.id, f"p{rank}", 1) for r in results for rank in r.relevant or (0,)]
    listed = [ir_measures.ScoredDoc(r.id, f"p{rank}", float(-rank)) for r in results for rank in range(1, PASSAGES + 1)]
    measures = {name: ir_measures.parse_measure(measure) for name, measure in names.items()}
    totals = ir_measures.calc_aggregate(list(measures.values()), judged, listed)
    return {name: float(totals[measure]) for name, measure in measures.items()}


def _abstention(results: Sequence[Result]) -> Figures:
    """Precision and recall of abstaining, the unanswerable questions being the positives; AUROC of the confidence."""
    from sklearn.metrics import precision_score, recall_score, roc_auc_score

    truth = [not result.answerable for result in results]
    if not any(truth) or all(truth):
        return dict.fromkeys(("abstention precision", "abstention recall", "abstention AUROC"))
    said = [result.abstained for result in results]
    return {
        "abstention precision": float(precision_score(truth, said, zero_division=0)),
        "abstention recall": float(recall_score(truth, said)),
        "abstention AUROC": float(roc_auc_score(truth, [-result.confidence for result in results])),
    }


def _share(outcomes: Sequence[bool]) -> float | None:
    return sum(outcomes) / len(outcomes) if outcomes else None
