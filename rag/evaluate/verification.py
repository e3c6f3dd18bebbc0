"""How good the verifier is: claims whose truth is known, each judged against the whole article that it was written on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.answer.verify import FactVerifier, Judgement, Source, Verifier
from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate import calibration
from rag.evaluate.bootstrap import Statistic, intervals
from rag.evaluate.calibration import Floats
from rag.evaluate.claims import ClaimRow, load_claims
from rag.evaluate.columns import Columns
from rag.evaluate.metrics import Figure, Figures
from rag.index import Index
from rag.store import Store
from rag.types import Verdict

__all__ = [
    "ClaimRow",
    "Judged",
    "KindShare",
    "Verified",
    "load_claims",
    "load_verifier",
    "measure",
    "sources_of",
]

VERDICTS: tuple[Verdict, ...] = ("supported", "partly", "unsupported")
LOST = 0.1
"""The share of the true claims that a bound may lose where the recall of the false ones is measured."""

_UNSUPPORTED, _PARTLY, _SUPPORTED = 0.0, 1.0, 2.0
_CODES: dict[Verdict, float] = {"unsupported": _UNSUPPORTED, "partly": _PARTLY, "supported": _SUPPORTED}
_PARAPHRASE = "paraphrase"
_ALL_TRUE, _PARAPHRASES = "true", "paraphrases"
_RESAMPLES = 2_000
_HELD = 8


class Judged(NamedTuple):
    """A claim, its judgement, how many sentences it was held against, and how long that took."""

    row: ClaimRow
    judgement: Judgement
    sentences: int
    milliseconds: float

    @property
    def right(self) -> bool:
        """Whether the verdict is the label."""
        return self.judgement.verdict == self.row.label


class KindShare(NamedTuple):
    """The claims of one label and kind: the share kept, of unsupported ones the share caught, by the verdicts and at each bound on `support`."""

    label: Verdict
    kind: str
    claims: int
    verdicts: float
    bounds: Mapping[str, float]


class Verified(NamedTuple):
    """All claims of a file, judged, with the figures.

    `bounds` are those on `support` that lose at most a tenth of the true claims: of all (`true`) and, where there are also others, of the paraphrases
    (`paraphrases`); `model` and `digest` name the embedding model and the index.
    """

    name: str
    judged: tuple[Judged, ...]
    figures: Figures
    bounds: Mapping[str, float]
    kinds: tuple[KindShare, ...]
    model: str
    digest: str

    @property
    def labels(self) -> dict[Verdict, int]:
        """How many claims have each label that there is."""
        counts = Counter(one.row.label for one in self.judged)
        return {label: counts[label] for label in VERDICTS if counts[label]}

    @property
    def verdicts(self) -> dict[Verdict, dict[Verdict, int]]:
        """How many claims of each label got each verdict."""
        counts = Counter((one.row.label, one.judgement.verdict) for one in self.judged)
        return {label: {verdict: counts[label, verdict] for verdict in VERDICTS} for label in self.labels}

    def as_dict(self) -> dict[str, object]:
        """All of it as JSON: the figures, the shares by kind, and what became of each claim, without its words."""
        return {
            "model": self.model,
            "index": self.digest,
            "labels": self.labels,
            "verdicts": self.verdicts,
            "figures": {
                name: {key: None if value is None else round(value, 4) for key, value in figure._asdict().items()}
                for name, figure in self.figures.items()
            },
            "bounds": {name: round(bound, 4) for name, bound in self.bounds.items()},
            "kinds": [
                {
                    "label": kind.label,
                    "kind": kind.kind,
                    "claims": kind.claims,
                    "caught" if kind.label == "unsupported" else "kept": round(kind.verdicts, 4),
                    "at_bounds": {name: round(share, 4) for name, share in kind.bounds.items()},
                }
                for kind in self.kinds
            ],
            "judged": [
                {
                    "id": row.id,
                    "label": row.label,
                    "kind": row.kind,
                    "verdict": judgement.verdict,
                    "support": round(judgement.support, 4),
                }
                for row, judgement, _, _ in self.judged
            ],
        }


def sources_of(store: Store, article_id: str) -> list[Source]:
    """The quotable sentences of an article, each once, in order, with the numbers (from 1) of its passages that hold them.

    Raises:
        ArticleMissing: no article has that id.
    """
    article, keys = store.article(article_id), store.keys(article_id)
    passages, vectors = store.passages(keys), store.sentence_vectors(keys)
    listed: dict[tuple[int, int], Source] = {}
    for number, key in enumerate(keys, start=1):
        for sentence, vector in zip(passages[key].sentences, vectors[key], strict=True):
            if sentence.quotable:
                place = (sentence.start, sentence.end)
                known = listed.get(place)
                numbers = (*known.passages, number) if known else (number,)
                listed[place] = Source(article, sentence, known.vector if known else vector, numbers)
    return list(listed.values())


def load_verifier(index: Index, settings: Settings, notice: Callable[[str], None] = lambda _: None) -> Verifier:
    """The verifier that answers use, with the entailment model that the settings name.

    Args:
        index: where the articles are.
        settings: the entailment model, and the folder of exports.
        notice: told in a line when something takes long.

    Raises:
        ModelMissing: a model is not on this machine.
        BadInput: the entailment model does not tell which of its labels is entailment.
    """
    if settings.entail is None:
        return FactVerifier(index.store, index.embedder)
    from rag.answer.verify.entailment import load_entailment

    return FactVerifier(index.store, index.embedder, load_entailment(settings.entail, settings.cache, notice))


def measure(
    index: Index,
    rows: Sequence[ClaimRow],
    verifier: Verifier | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    name: str = "claims",
) -> Verified:
    """Judges every claim against all of its article, and measures that.

    Args:
        index: where the articles are.
        rows: the claims, at least one.
        verifier: what judges; None: the one that answers use, without an entailment model.
        progress: told how many claims are done, of how many.
        name: what to call the claims.

    Raises:
        BadInput: the article of a claim is not in the index.
    """
    known = index.store.digests()
    for row in rows:
        if row.doc_id not in known:
            raise BadInput(f"claim {row.id}: article {row.doc_id} is not in the index", "Name its corpus with --corpus")
    verifier = verifier or FactVerifier(index.store, index.embedder)
    sources = lru_cache(maxsize=_HELD)(lambda article_id: sources_of(index.store, article_id))
    for row in rows[:1]:
        verifier.judge(row.claim, sources(row.doc_id))  # what is loaded when first needed is not measured
    judged = []
    for done, row in enumerate(rows, start=1):
        against = sources(row.doc_id)
        started = time.perf_counter()
        judgement = verifier.judge(row.claim, against)
        judged.append(Judged(row, judgement, len(against), 1e3 * (time.perf_counter() - started)))
        progress(done, len(rows))
    data = _columns(judged)
    bounds = _bounds(data)
    return Verified(
        name,
        tuple(judged),
        _figures(judged, data, bounds),
        bounds,
        _by_kind(judged, bounds),
        index.manifest.model.name,
        index.manifest.digest,
    )


def bound_losing(supports: Floats, share: float = LOST) -> float | None:
    """The highest bound under which at most a share of the supports lie; None where there are none. What is at the bound is kept."""
    return float(np.sort(supports)[int(share * len(supports) + 1e-9)]) if len(supports) else None


class _Articles(Columns):
    """Columns of claims, counted and drawn by article, since the claims of one article are no independent cases."""

    def __init__(self, names: Sequence[str], table: Floats, documents: Sequence[str]) -> None:
        super().__init__(names, table)
        found: dict[str, list[int]] = {}
        for row, document in enumerate(documents):
            found.setdefault(document, []).append(row)
        self._groups = [np.array(rows, np.intp) for rows in found.values()]

    def at(self, rows: NDArray[np.intp]) -> Columns:
        """The claims of these articles; an article may come several times."""
        return super().at(np.concatenate([self._groups[row] for row in rows]))

    def __len__(self) -> int:
        return len(self._groups)


def _columns(judged: Sequence[Judged]) -> _Articles:
    table = np.array(
        [
            [_CODES[one.row.label] for one in judged],
            [_CODES[one.judgement.verdict] for one in judged],
            [one.judgement.support for one in judged],
            [float(one.row.kind == _PARAPHRASE) for one in judged],
        ]
    )
    return _Articles(("label", "verdict", "support", "paraphrase"), table, [one.row.doc_id for one in judged])


def _figures(judged: Sequence[Judged], data: _Articles, bounds: Mapping[str, float]) -> Figures:
    """The figures of `_STATISTICS` that apply, with their 95 % intervals over articles, and those without one."""
    asked = {name: of for name, of in _STATISTICS.items() if _PARAPHRASES in bounds or of is not _caught_paraphrases}
    values = {name: value for name, of in asked.items() if (value := of(data)) is not None}
    ranges = intervals({name: asked[name] for name in values}, data, _RESAMPLES)
    found = {name: Figure(value, *ranges.get(name, (None, None))) for name, value in values.items()}
    if set(data["label"]) == set(_CODES.values()):
        found["macro F1, three ways"] = Figure(_macro_f1(data), None, None)
    taken = [one.milliseconds for one in judged]
    for name, percent in (("a claim, median ms", 50), ("a claim, p95 ms", 95)):
        found[name] = Figure(float(np.percentile(taken, percent)), None, None)
    return found


def _of_label(data: Columns, column: str, label: float) -> Floats:
    chosen: Floats = data[column][data["label"] == label]
    return chosen


def _auroc(data: Columns) -> float | None:
    return calibration.auroc(_of_label(data, "support", _SUPPORTED), _of_label(data, "support", _UNSUPPORTED))


def _kept(label: float, at_least: float = _SUPPORTED) -> Statistic:
    def share(data: Columns) -> float | None:
        verdicts = _of_label(data, "verdict", label)
        return float((verdicts >= at_least).mean()) if len(verdicts) else None

    return share


def _balanced(at_least: float) -> Statistic:
    """The mean of the shares of the true kept and of the false caught, where a verdict from `at_least` on keeps a claim."""
    true, false = _kept(_SUPPORTED, at_least), _kept(_UNSUPPORTED, at_least)

    def accuracy(data: Columns) -> float | None:
        kept, missed = true(data), false(data)
        return None if kept is None or missed is None else (kept + 1.0 - missed) / 2

    return accuracy


def _false_caught(data: Columns) -> float | None:
    missed = _kept(_UNSUPPORTED)(data)
    return None if missed is None else 1.0 - missed


def _under(bound: float | None, data: Columns) -> float | None:
    false = _of_label(data, "support", _UNSUPPORTED)
    return float((false < bound).mean()) if bound is not None and len(false) else None


def _true_bound(data: Columns) -> float | None:
    return bound_losing(_of_label(data, "support", _SUPPORTED))


def _paraphrase_bound(data: Columns) -> float | None:
    return bound_losing(data["support"][(data["label"] == _SUPPORTED) & (data["paraphrase"] == 1)])


def _caught_true(data: Columns) -> float | None:
    return _under(_true_bound(data), data)


def _caught_paraphrases(data: Columns) -> float | None:
    return _under(_paraphrase_bound(data), data)


_STATISTICS: dict[str, Statistic] = {
    "AUROC": _auroc,
    "balanced accuracy": _balanced(_SUPPORTED),
    "balanced accuracy, partly kept": _balanced(_PARTLY),
    "true kept": _kept(_SUPPORTED),
    "partly true, kept": _kept(_PARTLY),
    "false caught": _false_caught,
    "false caught, 10 % of true lost": _caught_true,
    "… 10 % of paraphrases lost": _caught_paraphrases,
}
"""The supported against the unsupported; what is supported in part counts only where it is named. `kept` is the verdict `supported`."""


def _macro_f1(data: Columns) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(data["label"], data["verdict"], labels=list(_CODES.values()), average="macro"))


def _bounds(data: Columns) -> dict[str, float]:
    of_true, of_paraphrases = _true_bound(data), _paraphrase_bound(data)
    mixed = bool((_of_label(data, "paraphrase", _SUPPORTED) == 0).any())
    found = {_ALL_TRUE: of_true, _PARAPHRASES: of_paraphrases if mixed else None}
    return {name: bound for name, bound in found.items() if bound is not None}


def _by_kind(judged: Sequence[Judged], bounds: Mapping[str, float]) -> tuple[KindShare, ...]:
    groups: dict[tuple[Verdict, str], list[Judgement]] = {}
    for one in judged:
        groups.setdefault((one.row.label, one.row.kind), []).append(one.judgement)

    def share(label: Verdict, kept: Sequence[bool]) -> float:
        held = sum(kept) / len(kept)
        return 1.0 - held if label == "unsupported" else held

    return tuple(
        KindShare(
            label,
            kind,
            len(group),
            share(label, [one.verdict == "supported" for one in group]),
            {name: share(label, [one.support >= bound for one in group]) for name, bound in bounds.items()},
        )
        for (label, kind), group in sorted(groups.items(), key=lambda item: (VERDICTS.index(item[0][0]), item[0][1]))
    )
