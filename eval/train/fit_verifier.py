"""Fits the verifier of claims and writes its part of `rag/weights.json`.

    python eval/train/fit_verifier.py --corpus wikinews/corpus.jsonl --corpus squad2/corpus.jsonl

On the claims of `claims.jsonl` beside this script alone: no claim of `eval/claims.jsonl` and nothing of WiCE, which it is measured on,
is on an article that is seen here. Fitted are three logistic regressions:

* coverage: true claims and true sentences, against claims that cannot be supported: true claims held against their article without the sentence that
  they were written on, against another article, and claims about other things with the names of the article put in;
* agreement: true claims and true sentences against the same with one thing changed, by where facts, negations and speakers do not agree;
* support: the product of both, as a probability.

Printed: figures by eight-fold cross-validation over articles.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rag.answer.verify import FactVerifier, Source
from rag.answer.verify.signals import COVERAGE, CROSSED, Signals
from rag.answer.verify.verifier import joined
from rag.config import Settings
from rag.evaluate.sets import EvalSet, open_index
from rag.evaluate.verification import sources_of
from rag.index import Index

_HERE = Path(__file__).parent
_WEIGHTS = _HERE.parents[1] / "rag" / "weights.json"
_CLAIMS = _HERE / "claims.jsonl"
_FOLDS = 8
_C = 0.3
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w'’-]*(?: (?:of |the |and )?[A-Z][\w'’-]*)*")
_LOST = 0.1
_SHORT = (6, 11)

Vector = NDArray[np.float64]


class Case(NamedTuple):
    """A claim held against sentences: of which article, whether they support it, how it was made, and its signals."""

    article: str
    supported: bool
    kind: str
    signals: Signals


def cases(index: Index, rows: Sequence[dict[str, Any]]) -> list[Case]:
    """All claims with the sentences of their articles, and those made from them that nothing supports."""
    verifier = FactVerifier(index.store, index.embedder)
    chance = random.Random(7)  # noqa: S311 - made alike every time, and no secret
    sources = {row["doc_id"]: sources_of(index.store, row["doc_id"]) for row in rows}
    true = [row for row in rows if row["kind"] == "paraphrase"]
    listed: list[Case] = []

    def add(row: dict[str, Any], claim: str, against: Sequence[Source], kind: str, *, supported: bool = False) -> None:
        found = verifier.signals(claim, against)
        if found is not None:
            listed.append(Case(row["doc_id"], supported, kind, found))

    for row in rows:
        add(row, row["claim"], sources[row["doc_id"]], row["kind"], supported=row["label"] == "supported")
    for row in true:
        add(row, row["claim"], _without(sources[row["doc_id"]], row["sentence"]), "left out")
        other = chance.choice([one for one in true if one["doc_id"] != row["doc_id"]])
        add(row, row["claim"], sources[other["doc_id"]], "other article")
        add(row, _grafted(row, other, sources[row["doc_id"]], chance), sources[row["doc_id"]], "grafted")
    return listed


def _without(sources: Sequence[Source], sentence: str) -> list[Source]:
    """The sentences of an article as if one were not in it; offsets stay."""
    article = sources[0].article
    start = article.text.find(sentence)
    if start < 0:
        return []
    end = start + len(sentence)
    blank = article.model_copy(update={"text": article.text[:start] + " " * len(sentence) + article.text[end:]})
    return [
        Source(blank, source.sentence, source.vector)
        for source in sources
        if source.sentence.end <= start or source.sentence.start >= end
    ]


def _grafted(row: dict[str, Any], other: dict[str, Any], sources: Sequence[Source], chance: random.Random) -> str:
    """Another article's claim with this article's names in it, half of the time only its first words."""
    near = [*_NAME.findall(row["sentence"]), *_NAME.findall(row["claim"])]
    often = [name for name, _ in Counter(_NAME.findall(sources[0].article.text)).most_common(8)]
    names = [*near * 3, *often] or [row["claim"].split()[0]]
    put: dict[str, str] = {}
    text = _NAME.sub(lambda found: put.setdefault(found.group(), chance.choice(names)), other["claim"])
    if not any(name in text for name in names):
        text = f"{chance.choice(names)} {text[0].lower()}{text[1:]}"
    short = text.split()[: chance.randint(*_SHORT)]
    return f"{' '.join(short).rstrip(',;:.')}." if chance.random() < 1 / 2 else text


def fit(values: Vector, right: NDArray[np.bool_], weight: Vector) -> Any:
    """A logistic regression on standardised signals."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_C, max_iter=5000))
    model.fit(values, right, logisticregression__sample_weight=weight)
    return model


class Models(NamedTuple):
    """The two models, each giving the probability for rows of signals."""

    coverage: Any
    agreement: Any

    def product(self, listed: Sequence[Case]) -> Vector:
        """Both joined, as `rag.answer.verify.verifier.joined`, shape (cases,)."""
        covered = self.coverage.predict_proba(_coverage(listed))[:, 1]
        agreed = self.agreement.predict_proba(_agreement(listed))[:, 1]
        told = [case.signals.coverage[COVERAGE.index("best")] for case in listed]
        return np.array([joined(*each) for each in zip(covered, agreed, told, strict=True)])


MADE = ("left out", "other article", "grafted")
_WEIGHTS_OF = {"verbatim": 0.5, "other article": 0.2}


def train(listed: Sequence[Case]) -> Models:
    """Fits both models."""
    covering = [case for case in listed if case.supported or case.kind in MADE]
    agreeing = [case for case in listed if case.kind not in MADE]
    weight = np.array([_WEIGHTS_OF.get(case.kind, 1.0) for case in covering])
    balance = _balanced(agreeing)
    return Models(
        fit(_coverage(covering), _right(covering), weight), fit(_agreement(agreeing), _right(agreeing), balance)
    )


def _balanced(listed: Sequence[Case]) -> Vector:
    right = _right(listed)
    share = float(right.mean())
    return np.where(right, 0.5 / share, 0.5 / (1 - share)).astype(np.float64)


def _right(listed: Sequence[Case]) -> NDArray[np.bool_]:
    return np.array([case.supported for case in listed])


def _coverage(listed: Sequence[Case]) -> Vector:
    return np.array([case.signals.coverage for case in listed])


def _agreement(listed: Sequence[Case]) -> Vector:
    return np.array([case.signals.crossed for case in listed])


def out_of_fold(listed: Sequence[Case]) -> Vector:
    """The product for every case, from models that have not seen its article."""
    found = np.zeros(len(listed))
    groups = [case.article for case in listed]
    for seen, unseen in GroupKFold(_FOLDS).split(groups, groups=groups):
        models = train([listed[at] for at in seen])
        found[unseen] = models.product([listed[at] for at in unseen])
    return found


def calibrate(product: Vector, listed: Sequence[Case]) -> Any:
    """The support: the product's logit, as a probability."""
    return LogisticRegression(C=100.0).fit(_logit(product), _right(listed))


def _logit(product: Vector) -> Vector:
    logits: Vector = np.log(product / (1.0 - product))[:, None]
    return logits


def tell(product: Vector, listed: Sequence[Case], support: Vector) -> None:
    """Prints how the false are told from the true, by kind."""
    right = _right(listed)
    bound = np.quantile(product[right], _LOST)
    print(f"AUROC {roc_auc_score(right, product):.3f}; the bound that loses {_LOST:.0%} of the true is {bound:.3f}")
    for kind in sorted({case.kind for case in listed}):
        for true in (True, False):
            mine = np.array([case.kind == kind and case.supported == true for case in listed])
            if mine.any():
                kept = " ".join(
                    f"{level}: {(support[mine] >= level).mean():.3f}" for level in (0.3, 0.5, 0.6, 0.7, 0.8)
                )
                print(
                    f"{kind:14} {'true' if true else 'false':5} {mine.sum():4} over the bound"
                    f" {(product[mine] >= bound).mean():.3f}; support over {kept}"
                )


def plain(model: Any, names: Sequence[str]) -> dict[str, float]:
    """The weights of a model for signals that are not standardised."""
    scale, regression = model[0], model[-1]
    weights = regression.coef_[0] / scale.scale_
    intercept = regression.intercept_[0] - float(weights @ scale.mean_)
    return {
        name: round(float(value), 4) for name, value in zip((*names, "intercept"), (*weights, intercept), strict=True)
    }


def main() -> None:
    """Fits, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", required=True, help="a corpus that the claims are on")
    parser.add_argument("--cache", type=Path, help="folder of the index")
    parser.add_argument("--out", type=Path, default=_WEIGHTS)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in _CLAIMS.read_text(encoding="utf-8").splitlines()]
    cache = arguments.cache or Path(tempfile.mkdtemp())
    chosen = EvalSet("claims", _CLAIMS, tuple(arguments.corpus))
    told: Callable[[str], None] = print
    with open_index(chosen, Settings(), cache, notice=told) as index:
        listed = cases(index, rows)
    product = out_of_fold(listed)
    regression = calibrate(product, listed)
    tell(product, listed, regression.predict_proba(_logit(product))[:, 1])
    models = train(listed)
    record = json.loads(arguments.out.read_text(encoding="utf-8"))
    record["claim_coverage"] = plain(models.coverage, COVERAGE)
    record["claim_agreement"] = plain(models.agreement, CROSSED)
    record["claim_support"] = {
        "logit": round(float(regression.coef_[0][0]), 4),
        "intercept": round(float(regression.intercept_[0]), 4),
    }
    record["provenance"]["claims"] = {"script": "eval/train/fit_verifier.py", "claims": len(rows)}
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
