"""Fits how passages are ranked, how answers are chosen and how sure they are, and writes `rag/weights.json`.

    python eval/train/fit_answer.py --data DEV_SETS

`DEV_SETS` holds one folder a set with `corpus.jsonl` and `questions.jsonl`. To the sets' own questions come those of `questions.jsonl` beside
this script, written for the purpose on articles of the same sets. Three models are fitted:

* passage: a conditional logit over the passages found for each answerable question (softmax over passages, the mass on
  those that cover the evidence is maximised, L2 penalty), without negative weights, so that a weight says how much a feature speaks for a passage;
* choice: the same over the candidate sentences of the passages ranked first;
* confidence: a logistic regression of "the chosen sentence holds the evidence" on what is known of the chosen sentence, over the
  sets whose questions people asked: answerable questions, unanswerable ones, and answerable ones with their article left out.

Printed: figures by five-fold cross-validation over documents, and with each set left out in turn. Sets are weighted equally.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag import Index, evidence
from rag.answer.choose import pool
from rag.answer.confidence import SIGNALS, signals
from rag.answer.draft import PASSAGES
from rag.answer.features import FEATURES, Candidate, candidates
from rag.answer.question import Question, analyse
from rag.evaluate.gold import Evidence, GoldQuestion, load_questions, spans_of
from rag.retrieve import SHORTLIST, Found, retrieve
from rag.types import Filter

SETS = ("squad2", "xquad", "clapnq", "chunking", "wice")
WRITTEN = "written"
ASKED_BY_PEOPLE = ("squad2", "xquad", "clapnq", WRITTEN)
_QUESTIONS = Path(__file__).with_name("questions.jsonl")
_WEIGHTS = Path(__file__).parents[2] / "rag" / "weights.json"
_L2 = 1.0
_FOLDS = 5
Vector = NDArray[np.float64]
Place = tuple[str, int, int]


@dataclass
class Case:
    """One question with what retrieval gives it; `kind` is answerable, unanswerable or off-collection."""

    name: str
    document: str
    kind: str
    question: Question
    vector: NDArray[np.float32]
    found: list[Found]
    relevant: NDArray[np.bool_]
    places: Sequence[Place]
    listed: list[Candidate] = field(default_factory=list)
    right: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))

    @property
    def evidence(self) -> Vector:
        """The features of the passages, shape (passages, features)."""
        return np.array([item.evidence for item in self.found]).reshape(-1, len(evidence.FEATURES))

    @property
    def values(self) -> Vector:
        """The features of the candidate sentences, shape (candidates, features)."""
        return np.array([candidate.values for candidate in self.listed]).reshape(-1, len(FEATURES))

    def rank(self, weights: Vector) -> None:
        """Takes the candidates of the passages that the weights rank first."""
        scores = self.evidence @ weights / (evidence.HIGHEST @ weights)
        order = np.argsort(-scores, kind="stable")[:PASSAGES]
        ranked = [
            self.found[at]._replace(hit=self.found[at].hit.model_copy(update={"score": float(scores[at])}))
            for at in order
        ]
        self.listed = pool(self.question, candidates(self.question, self.vector, ranked))
        right = [self.kind == "answerable" and any(_holds(one, place) for place in self.places) for one in self.listed]
        self.right = np.array(right, bool)


def cases(data: Path, cache: Path) -> Iterator[Case]:
    """The questions of all sets with what retrieval gives them."""
    written = [json.loads(line) for line in _QUESTIONS.read_text(encoding="utf-8").splitlines()]
    for name in sorted({*SETS, *(row["set"] for row in written)}):
        with Index.create(cache / name) as index:
            index.add(data / name / "corpus.jsonl")
            own = load_questions(data / name / "questions.jsonl") if name in SETS else []
            listed = [(name, question, question.answerable, spans_of(question, index.article)) for question in own]
            for row in (row for row in written if row["set"] == name):
                asked, near_miss = _questions(row)
                listed.append((WRITTEN, asked, True, spans_of(asked, index.article)))
                listed.append((WRITTEN, near_miss, False, []))
            for label, question, answerable, places in listed:
                for kind in ("answerable", "off-collection") if answerable else ("unanswerable",):
                    yield _case(label, index, question, places, kind)


def _questions(row: dict[str, str]) -> tuple[GoldQuestion, GoldQuestion]:
    places = (Evidence(doc_id=row["doc_id"], quote=row["quote"]),)
    asked = GoldQuestion(id=row["id"], question=row["question"], evidence=places, answerable=True)
    return asked, GoldQuestion(id=f"{row['id']}n", question=row["near_miss"], evidence=places, answerable=False)


def _case(name: str, index: Index, question: GoldQuestion, places: Sequence[Place], kind: str) -> Case:
    query, store = index.query(question.question), index.store
    hidden = frozenset(place.doc_id for place in question.evidence) if kind == "off-collection" else frozenset[str]()
    found = retrieve(store, query, k=SHORTLIST, where=Filter(without=hidden))
    relevant = [kind == "answerable" and any(_covers(item, place) for place in places) for item in found]
    analysed = analyse(query.text, store.frequencies(query.stems), store.manifest.passages)
    document = question.evidence[0].doc_id if question.evidence else question.id
    return Case(name, document, kind, analysed, query.vector, found, np.array(relevant, bool), places)


def _covers(item: Found, place: Place) -> bool:
    """Whether a passage holds at least half of a place of the evidence."""
    document, start, end = place
    passage = item.hit.passage
    return document == item.hit.article.id and 2 * (min(end, passage.end) - max(start, passage.start)) >= end - start


def _holds(candidate: Candidate, place: Place) -> bool:
    """Whether a sentence holds a place of the evidence, or lies inside a longer one."""
    document, start, end = place
    first, last = candidate.sentence.start, candidate.sentence.end
    return document == candidate.hit.article.id and (
        (first <= start and end <= last) or (start <= first and last <= end)
    )


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


def shares(
    rows: Callable[[Case], tuple[Vector, NDArray[np.bool_]]], weights: Vector, test: Sequence[Case], depth: int
) -> tuple[float, float]:
    """Share of answerable questions whose best alternative is right, and that have a right one among the best `depth`."""
    first, deep = [], []
    for case in test:
        if case.kind == "answerable":
            values, right = rows(case)
            order = np.argsort(-(values @ weights), kind="stable")
            first.append(bool(right[order[:1]].any()))
            deep.append(bool(right[order[:depth]].any()))
    return float(np.mean(first)), float(np.mean(deep))


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
    """AUROC of the confidence, answerable against each kind of unanswerable, and its expected calibration error over ten bins."""
    figures = {}
    for kind in ("unanswerable", "off-collection"):
        chosen = [case for case in test if case.kind in ("answerable", kind) and case.listed]
        truth = [case.kind == "answerable" for case in chosen]
        if not all(truth):
            rows, _, _ = evidence_for(weights, chosen)
            figures[f"AUROC {kind}"] = float(roc_auc_score(truth, rows @ confidence[0] + confidence[1]))
    rows, right, _ = evidence_for(weights, test)
    sure = 1 / (1 + np.exp(-(rows @ confidence[0] + confidence[1])))
    bins = np.clip((sure * 10).astype(int), 0, 9)
    figures["ECE"] = float(
        sum(abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    )
    return figures


def cross_validate(data: Sequence[Case]) -> None:
    """Prints the figures over folds of documents, then those with each set left out."""
    documents = sorted({case.document for case in data})
    np.random.default_rng(0).shuffle(documents)
    fold = {document: number % _FOLDS for number, document in enumerate(documents)}
    names = (*SETS, WRITTEN)
    results: dict[str, list[tuple[list[float], int]]] = {name: [] for name in names}
    for held in range(_FOLDS):
        train = [case for case in data if fold[case.document] != held]
        passage, choice = fit_passage(train), fit_choice(train)
        for name in names:
            test = [case for case in data if case.name == name and fold[case.document] == held]
            answerable = sum(case.kind == "answerable" for case in test)
            if answerable:
                ranked = shares(lambda case: (case.evidence, case.relevant), passage, test, 5)
                chosen = shares(lambda case: (case.values, case.right), choice, test, 3)
                results[name].append(([*ranked, *chosen], answerable))
    for name, rows in results.items():
        hit1, hit5, first, three = np.average([row for row, _ in rows], weights=[size for _, size in rows], axis=0)
        print(f"cross-validated  {name:8} hit@1 {hit1:.3f} @5 {hit5:.3f}  sentence@1 {first:.3f} @3 {three:.3f}")
    for name in names:
        train = [case for case in data if case.name != name]
        test = [case for case in data if case.name == name]
        weights = fit_choice(train)
        figures = report(weights, fit_confidence(weights, train), test)
        first, _ = shares(lambda case: (case.values, case.right), weights, test, 3)
        print(f"left out         {name:8} sentence@1 {first:.3f}", *(f"{key} {value:.3f}" for key, value in figures.items()))


def main() -> None:
    """Fits on all sets and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--out", type=Path, default=_WEIGHTS, help="where to write the weights")
    parser.add_argument("--cache", type=Path, default=None, help="folder for the sets' indexes (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = list(cases(arguments.data, arguments.cache or Path(temporary)))
    passage = fit_passage(data)
    for case in data:
        case.rank(passage)
    cross_validate(data)
    choice = fit_choice(data)
    coefficients, intercept = fit_confidence(choice, data)
    print("all", report(choice, (coefficients, intercept), [case for case in data if case.name in ASKED_BY_PEOPLE]))
    record: dict[str, Any] = {
        "provenance": {
            "script": "eval/train/fit_answer.py",
            "sets": {name: sum(case.name == name for case in data) for name in (*SETS, WRITTEN)},
            "licences": "squad2 and xquad CC BY-SA 4.0; clapnq Apache-2.0, text CC BY-SA; chunking MIT; wice CC BY-SA, Common Crawl terms;"
            " written: on articles of those, of wikinews (CC BY 2.5) and of mtrag-un (Apache-2.0)",
        },
        "passage": dict(zip(evidence.FEATURES, np.round(passage, 4).tolist(), strict=True)),
        "choice": dict(zip(FEATURES, np.round(choice, 4).tolist(), strict=True)),
        "confidence": {
            **dict(zip(SIGNALS, np.round(coefficients, 4).tolist(), strict=True)),
            "intercept": round(intercept, 4),
        },
    }
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
