"""Fits how answers are chosen and how sure they are, and writes `rag/answer/weights.json`.

    python eval/train/fit_answer.py --data DEV_SETS --out rag/answer/weights.json

`DEV_SETS` holds one folder a set with `corpus.jsonl` and `questions.jsonl`. Two models are fitted:

* choice: a conditional logit over the candidate sentences of each answerable question (softmax over candidates, the mass on
  the sentences that hold the evidence is maximised, L2 penalty), so that a weight says how much a feature speaks for a sentence;
* confidence: a logistic regression of "the chosen sentence holds the evidence" on what is known of the chosen sentence, over the
  sets whose questions people asked (claims and generated questions are worded otherwise): answerable questions, unanswerable ones, and answerable ones with their article taken out of the collection.

Printed: accuracy by five-fold cross-validation over documents, and with each set left out in turn. Sets are weighted equally.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag import Index
from rag.answer.choose import pool
from rag.answer.confidence import SIGNALS, signals
from rag.answer.features import FEATURES, Candidate, candidates
from rag.answer.question import analyse
from rag.evaluate.gold import GoldQuestion, load_questions, spans_of
from rag.retrieve import retrieve
from rag.types import Filter

SETS = ("squad2", "xquad", "clapnq", "chunking", "wice")
ASKED_BY_PEOPLE = ("squad2", "xquad", "clapnq")
_PASSAGES = 12
_L2 = 1.0
_FOLDS = 5
Vector = NDArray[np.float64]


@dataclass
class Case:
    """One question with its candidates; `kind` is answerable, unanswerable or off-collection."""

    name: str
    document: str
    kind: str
    listed: list[Candidate]
    right: NDArray[np.bool_]

    @property
    def values(self) -> Vector:
        """The features, shape (candidates, features)."""
        return np.array([candidate.values for candidate in self.listed]).reshape(-1, len(FEATURES))


def cases(name: str, folder: Path, cache: Path) -> list[Case]:
    """The questions of one set with the candidates that retrieval gives them."""
    found: list[Case] = []
    with Index.create(cache / name) as index:
        index.add(folder / "corpus.jsonl")
        for question in load_questions(folder / "questions.jsonl"):
            spans = spans_of(question, index.article)
            kinds = ("answerable", "off-collection") if question.answerable else ("unanswerable",)
            found += [_case(name, index, question, spans, kind) for kind in kinds]
    return found


def _case(name: str, index: Index, question: GoldQuestion, spans: Sequence[tuple[str, int, int]], kind: str) -> Case:
    query, store = index.query(question.question), index.store
    hidden = {evidence.doc_id for evidence in question.evidence} if kind == "off-collection" else set()
    wide = 200 if hidden else 100
    found = retrieve(store, query, k=_PASSAGES if not hidden else wide, where=Filter(), candidates=wide)
    found = [item for item in found if item.hit.article.id not in hidden][:_PASSAGES]
    analysed = analyse(query.text, store.frequencies(query.stems), store.manifest.passages)
    listed = pool(analysed, candidates(analysed, query.vector, found))
    right = [kind == "answerable" and any(_holds(candidate, place) for place in spans) for candidate in listed]
    document = question.evidence[0].doc_id if question.evidence else question.id
    return Case(name, document, kind, listed, np.array(right, bool))


def _holds(candidate: Candidate, place: tuple[str, int, int]) -> bool:
    """Whether a sentence holds a place of the evidence, or lies inside a longer one."""
    document, start, end = place
    first, last = candidate.sentence.start, candidate.sentence.end
    return document == candidate.hit.article.id and (
        (first <= start and end <= last) or (start <= first and last <= end)
    )


def fit_choice(train: Sequence[Case]) -> Vector:
    """The weights of the conditional logit, shape (features,)."""
    usable = [case for case in train if case.right.any()]
    share = {name: 1.0 / sum(case.name == name for case in usable) for name in {case.name for case in usable}}
    rows = [(case.values, case.right, share[case.name] * len(usable) / len(share)) for case in usable]

    def loss(weights: Vector) -> tuple[float, Vector]:
        total, gradient = 0.5 * _L2 * float(weights @ weights), _L2 * weights
        for values, right, weight in rows:
            scores = values @ weights
            odds = np.exp(scores - scores.max())
            odds /= odds.sum()
            mass = odds[right].sum()
            total -= weight * float(np.log(mass + 1e-12))
            gradient = gradient + weight * (values.T @ (odds - np.where(right, odds / mass, 0)))
        return total, gradient

    fitted: Vector = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x
    return fitted


def accuracy(weights: Vector, test: Sequence[Case]) -> tuple[float, float]:
    """Share of answerable questions whose best sentence, and one of whose best three, holds the evidence."""
    first, three = [], []
    for case in test:
        if case.kind == "answerable":
            order = np.argsort(-(case.values @ weights), kind="stable") if case.listed else np.empty(0, int)
            first.append(bool(case.right[order[:1]].any()))
            three.append(bool(case.right[order[:3]].any()))
    return float(np.mean(first)), float(np.mean(three))


def evidence_for(weights: Vector, data: Sequence[Case]) -> tuple[Vector, NDArray[np.bool_], Vector]:
    """Signals of each case's best sentence, whether it is right, and the weight of the case (sets count equally)."""
    rows, right, names = [], [], []
    for case in data:
        if case.listed:
            scores = case.values @ weights
            best = int(np.argmax(scores))
            rows.append(signals(case.listed[best], float(scores[best])))
            right.append(bool(case.right[best]))
            names.append(case.name)
    counts = {name: names.count(name) for name in set(names)}
    return np.array(rows), np.array(right), np.array([1.0 / counts[name] for name in names]) * len(names)


def fit_confidence(weights: Vector, train: Sequence[Case]) -> tuple[Vector, float]:
    """Coefficients, shape (signals,), and intercept of the logistic regression."""
    rows, right, weight = evidence_for(weights, [case for case in train if case.name in ASKED_BY_PEOPLE])
    scale = rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000).fit(rows / scale, right, sample_weight=weight / weight.mean())
    return model.coef_[0] / scale, float(model.intercept_[0])


def report(weights: Vector, confidence: tuple[Vector, float], test: Sequence[Case]) -> dict[str, float]:
    """AUROC of the confidence, answerable against each kind of unanswerable."""
    figures = {}
    for kind in ("unanswerable", "off-collection"):
        chosen = [case for case in test if case.kind in ("answerable", kind) and case.listed]
        truth = [case.kind == "answerable" for case in chosen]
        if not all(truth):
            rows, _, _ = evidence_for(weights, chosen)
            figures[kind] = float(roc_auc_score(truth, rows @ confidence[0] + confidence[1]))
    return figures


def cross_validate(data: Sequence[Case]) -> None:
    """Prints accuracy and AUROC over folds of documents, then with each set left out."""
    documents = sorted({(case.name, case.document) for case in data})
    np.random.default_rng(0).shuffle(documents)
    fold = {tuple(document): number % _FOLDS for number, document in enumerate(documents)}
    results: dict[str, list[tuple[float, float, int]]] = {name: [] for name in SETS}
    for held in range(_FOLDS):
        weights = fit_choice([case for case in data if fold[case.name, case.document] != held])
        for name in SETS:
            test = [case for case in data if case.name == name and fold[case.name, case.document] == held]
            answerable = sum(case.kind == "answerable" for case in test)
            if answerable:
                results[name].append((*accuracy(weights, test), answerable))
    for name, rows in results.items():
        sizes = [size for _, _, size in rows]
        first, three = (float(np.average([row[i] for row in rows], weights=sizes)) for i in (0, 1))
        print(f"cross-validated  {name:8} accuracy@1 {first:.3f}  @3 {three:.3f}")
    for name in SETS:
        train = [case for case in data if case.name != name]
        test = [case for case in data if case.name == name]
        weights = fit_choice(train)
        confidence = fit_confidence(weights, train)
        figures = "  ".join(f"AUROC {kind} {value:.3f}" for kind, value in report(weights, confidence, test).items())
        print(f"left out         {name:8} accuracy@1 {accuracy(weights, test)[0]:.3f}  {figures}")


def main() -> None:
    """Fits on all sets and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--out", type=Path, required=True, help="where to write the weights")
    parser.add_argument("--cache", type=Path, default=None, help="folder for the sets' indexes (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        data = [case for name in SETS for case in cases(name, arguments.data / name, cache)]
    cross_validate(data)
    weights = fit_choice(data)
    coefficients, intercept = fit_confidence(weights, data)
    record: dict[str, Any] = {
        "provenance": {
            "script": "eval/train/fit_answer.py",
            "sets": {name: sum(case.name == name for case in data) for name in SETS},
            "licences": "squad2 and xquad CC BY-SA 4.0; clapnq Apache-2.0, text CC BY-SA; chunking MIT; wice CC BY-SA, Common Crawl terms",
        },
        "choice": dict(zip(FEATURES, np.round(weights, 4).tolist(), strict=True)),
        "confidence": {
            **dict(zip(SIGNALS, np.round(coefficients, 4).tolist(), strict=True)),
            "intercept": round(intercept, 4),
        },
    }
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
