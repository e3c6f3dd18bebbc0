"""Fits how passages are ranked, how answers are chosen and how sure they are, and writes `rag/weights.json`.

    python eval/train/fit_answer.py --data DEV_SETS

`DEV_SETS` holds one folder a set with `corpus.jsonl` and `questions.jsonl`. To the sets' own questions come those of `questions.jsonl` beside
this script, written for the purpose on articles of the same sets and of wikinews. Fitted are:

* passage: a conditional logit over the passages found for each answerable question (softmax over passages, the mass on
  those that cover the evidence is maximised, L2 penalty), without negative weights, so that a weight says how much a feature speaks for a passage;
* choice: the same over the candidate sentences of the passages ranked first;
* reading: the same over the sentences that the shipped reranker read, of their choice score and the reranker's, on the questions it was not trained on;
* confidence: a logistic regression of "the chosen sentence holds the evidence" on what is known of the chosen sentence, over the
  sets whose questions people asked: answerable questions, unanswerable ones, and answerable ones with their article left out. One without
  the reranker, and one with it, again on the questions that it was not trained on.

Printed: figures by five-fold cross-validation over documents, and with each set left out in turn. Sets are weighted equally.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cases import ASKED_BY_PEOPLE, SETS, WRITTEN, Case, Vector, cases
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag import evidence, rerank
from rag.answer.confidence import READ_SIGNALS, SIGNALS, signals
from rag.answer.features import FEATURES
from rag.answer.read import READ, text_to_read
from rag.evaluate.calibration import calibration_error

_WEIGHTS = Path(__file__).parents[2] / "rag" / "weights.json"
_L2 = 1.0
_FOLDS = 5


def fit_logit(rows: Sequence[tuple[str, Vector, NDArray[np.bool_]]], *, positive: bool = False) -> Vector:
    """The weights of a conditional logit, shape (features,), over (set, features of the alternatives, which are right)."""
    usable = [row for row in rows if row[2].any()]
    counts = {name: sum(row[0] == name for row in usable) for name in {row[0] for row in usable}}
    weighted = [(values, right, len(usable) / len(counts) / counts[name]) for name, values, right in usable]
    width = weighted[0][0].shape[1]

    def loss(weights: Vector) -> tuple[float, Vector]:
        total, gradient = 0.5 * _L2 * float(weights @ weights), _L2 * weights
        for values, right, weight in weighted:
            scores = values @ weights
            odds = np.exp(scores - scores.max())
            odds /= odds.sum()
            mass = odds[right].sum()
            total -= weight * float(np.log(mass + 1e-12))
            gradient = gradient + weight * (values.T @ (odds - np.where(right, odds / mass, 0)))
        return total, gradient

    bounds = [(0.0, None)] * width if positive else None
    fitted: Vector = minimize(loss, np.zeros(width), jac=True, method="L-BFGS-B", bounds=bounds).x
    return fitted


def fit_passage(train: Sequence[Case]) -> Vector:
    """The weights of a passage's features."""
    return fit_logit([(case.name, case.evidence, case.relevant) for case in train if case.found], positive=True)


def fit_choice(train: Sequence[Case]) -> Vector:
    """The weights of a sentence's features."""
    return fit_logit([(case.name, case.values, case.right) for case in train if case.listed])


def read_by(reranker: rerank.Reranker, choice: Vector, case: Case) -> None:
    """Leaves the best candidates of a case, each read by the reranker, as answers do."""
    order = np.argsort(-(case.values @ choice), kind="stable")[:READ]
    kept = [case.listed[at] for at in sorted(order)]
    pairs = reranker.score(case.question.text, [text_to_read(candidate) for candidate in kept])
    case.right = case.right[sorted(order)]
    case.listed = [replace(candidate, pair=float(pair)) for candidate, pair in zip(kept, pairs, strict=True)]


def worth(case: Case, choice: Vector, reading: Vector | None = None) -> Vector:
    """The score of each candidate, shape (candidates,)."""
    features = case.values @ choice
    if reading is None:
        return features
    return _read(case, choice) @ reading


def _read(case: Case, choice: Vector) -> Vector:
    """Choice score and reranker's score of each candidate, shape (candidates, 2)."""
    pairs = np.array([candidate.pair for candidate in case.listed], np.float64)
    both: Vector = np.column_stack([case.values @ choice, pairs])
    return both


def fit_reading(choice: Vector, train: Sequence[Case]) -> Vector:
    """The weights of the choice score and of the reranker's, shape (2,)."""
    rows = [(case.name, _read(case, choice), case.right) for case in train if case.listed]
    return fit_logit(rows, positive=True)


def evidence_for(
    data: Sequence[Case], choice: Vector, reading: Vector | None = None
) -> tuple[Vector, NDArray[np.bool_], Vector]:
    """Signals of each case's best sentence, whether it is right, and the weight of the case (sets count equally)."""
    rows, right, names = [], [], []
    for case in data:
        if case.listed:
            best = int(np.argmax(worth(case, choice, reading)))
            rows.append(signals(case.listed[best], case.listed))
            right.append(bool(case.right[best]))
            names.append(case.name)
    counts = {name: names.count(name) for name in set(names)}
    return np.array(rows), np.array(right), np.array([1.0 / counts[name] for name in names]) * len(names)


def fit_confidence(train: Sequence[Case], choice: Vector, reading: Vector | None = None) -> tuple[Vector, float]:
    """Coefficients, shape (signals,), and intercept of the logistic regression."""
    chosen = [case for case in train if case.name in ASKED_BY_PEOPLE]
    rows, right, weight = evidence_for(chosen, choice, reading)
    scale = rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000).fit(rows / scale, right, sample_weight=weight / weight.mean())
    return model.coef_[0] / scale, float(model.intercept_[0])


def report(
    test: Sequence[Case], confidence: tuple[Vector, float], choice: Vector, reading: Vector | None = None
) -> dict[str, float]:
    """AUROC of the confidence, answerable against each kind of unanswerable, and its expected calibration error over ten bins."""
    figures = {}
    for kind in ("unanswerable", "off-collection"):
        chosen = [case for case in test if case.kind in ("answerable", kind) and case.listed]
        truth = [case.kind == "answerable" for case in chosen]
        if any(truth) and not all(truth):
            rows, _, _ = evidence_for(chosen, choice, reading)
            figures[f"AUROC {kind}"] = float(roc_auc_score(truth, rows @ confidence[0] + confidence[1]))
    rows, right, _ = evidence_for(test, choice, reading)
    figures["ECE"] = calibration_error(_probability(rows, confidence), right.astype(float))
    return figures


def _best(case: Case, depth: int, choice: Vector, reading: Vector | None = None) -> bool:
    """Whether one of the best sentences is right."""
    return bool(case.listed) and bool(
        case.right[np.argsort(-worth(case, choice, reading), kind="stable")[:depth]].any()
    )


def folds_of(data: Sequence[Case]) -> dict[str, int]:
    """The fold of each document, the same every time."""
    documents = sorted({case.document for case in data})
    np.random.default_rng(0).shuffle(documents)
    return {document: number % _FOLDS for number, document in enumerate(documents)}


def cross_validate(data: Sequence[Case]) -> None:
    """Prints the figures of passages and of sentences without the reranker, over folds of documents."""
    fold = folds_of(data)
    outcomes: dict[str, list[tuple[bool, bool, bool, bool]]] = {name: [] for name in (*SETS, WRITTEN)}
    for held in range(_FOLDS):
        train = [case for case in data if fold[case.document] != held]
        passage, choice = fit_passage(train), fit_choice(train)
        for case in data:
            if case.kind == "answerable" and fold[case.document] == held:
                ranked = case.relevant[np.argsort(-(case.evidence @ passage), kind="stable")]
                sentence = (_best(case, 1, choice), _best(case, 3, choice))
                outcomes[case.name].append((bool(ranked[:1].any()), bool(ranked[:5].any()), *sentence))
    for name, rows in outcomes.items():
        hit1, hit5, first, three = np.mean(rows, axis=0)
        print(
            f"all documents    {name:8} hit@1 {hit1:.3f} @5 {hit5:.3f}  sentence@1 {first:.3f} @3 {three:.3f}  ({len(rows)})"
        )


def cross_validate_reading(data: Sequence[Case], choice: Vector) -> None:
    """Prints the figures with the reranker on the questions it was not trained on, over folds of documents."""
    fold = folds_of(data)
    tested: dict[str, list[Case]] = {name: [] for name in (*SETS, WRITTEN)}
    sure: dict[int, tuple[Vector, tuple[Vector, float]]] = {}
    for held in range(_FOLDS):
        train = [case for case in data if fold[case.document] != held]
        reading = fit_reading(choice, train)
        sure[held] = (reading, fit_confidence(train, choice, reading))
    for case in data:
        tested[case.name].append(case)
    everyone: list[tuple[float, bool]] = []
    for name, found in tested.items():
        rows = []
        for case in found:
            reading, confidence = sure[fold[case.document]]
            if case.listed:
                values, right, _ = evidence_for([case], choice, reading)
                deeper = (_best(case, 3, choice, reading), _best(case, 1, choice))
                rows.append((case.kind, float(_probability(values, confidence)[0]), bool(right[0]), *deeper))
        answerable = [row for row in rows if row[0] == "answerable"]
        first, three, unread = (float(np.mean([row[at] for row in answerable])) for at in (2, 3, 4))
        text = f"sentence@1 {first:.3f} @3 {three:.3f} unread@1 {unread:.3f} ({len(answerable)})"
        for kind in ("unanswerable", "off-collection"):
            truth = [(row[0] == "answerable", row[1]) for row in rows if row[0] in ("answerable", kind)]
            if not all(answers for answers, _ in truth):
                text += f"  AUROC {kind} {roc_auc_score(*zip(*truth, strict=True)):.3f}"
        print(f"held out, read   {name:8} {text}")
        if name in ASKED_BY_PEOPLE:
            everyone += [(row[1], row[2]) for row in rows]
    error = calibration_error(np.array([row[0] for row in everyone]), np.array([float(row[1]) for row in everyone]))
    print(f"held out, read   ECE {error:.3f} over {len(everyone)} questions")


def _probability(rows: Vector, confidence: tuple[Vector, float]) -> Vector:
    probability: Vector = 1 / (1 + np.exp(-(rows @ confidence[0] + confidence[1])))
    return probability


def main() -> None:
    """Fits on all sets and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--out", type=Path, default=_WEIGHTS, help="where to write the weights")
    parser.add_argument("--cache", type=Path, default=None, help="folder for the sets' indexes (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        data = list(cases(arguments.data, cache))
        reranker = rerank.load(rerank.SMALL, cache)
    passage = fit_passage(data)
    for case in data:
        case.rank(passage)
    cross_validate(data)
    choice = fit_choice(data)
    plain = fit_confidence(data, choice)
    print(
        "without the reranker, fitted on the same",
        report([c for c in data if c.name in ASKED_BY_PEOPLE], plain, choice),
    )
    unseen = [case for case in data if case.held_out]
    for case in unseen:
        read_by(reranker, choice, case)
    cross_validate_reading(unseen, choice)
    reading = fit_reading(choice, unseen)
    read = fit_confidence(unseen, choice, reading)
    record: dict[str, Any] = {
        "provenance": {
            "script": "eval/train/fit_answer.py",
            "sets": {name: sum(case.name == name for case in data) for name in (*SETS, WRITTEN)},
            "reranker_sha256": reranker.info.sha256,
            "licences": "squad2 and xquad CC BY-SA 4.0; clapnq Apache-2.0, text CC BY-SA; chunking MIT; wice CC BY-SA, Common Crawl terms;"
            " written: on articles of those and of wikinews (CC BY 2.5)",
        },
        "passage": _named(evidence.FEATURES, passage),
        "choice": _named(FEATURES, choice),
        "reading": _named(("features", "pair"), reading),
        "confidence": {**_named(SIGNALS, plain[0]), "intercept": round(plain[1], 4)},
        "confidence_read": {**_named(READ_SIGNALS, read[0]), "intercept": round(read[1], 4)},
    }
    if arguments.out.is_file():  # what other scripts fitted stays
        before = json.loads(arguments.out.read_text(encoding="utf-8"))
        record |= {name: kept for name, kept in before.items() if name.startswith("claim_")}
        record["provenance"]["claims"] = before["provenance"].get("claims")
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


def _named(names: Sequence[str], weights: Vector) -> dict[str, float]:
    return dict(zip(names, np.round(weights, 4).tolist(), strict=True))


if __name__ == "__main__":
    main()
