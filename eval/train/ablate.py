"""What each feature of a passage adds when the others are fitted anew without it, and what they add to the convex sum.

    python eval/train/ablate.py --data DEV_SETS --out eval/results/passage-parts.md

Answerable questions of the development sets, five-fold cross-validation over documents. A row says by how much passage hit@1 falls without the feature: with all
features minus without it, with a 95 % interval (paired bootstrap over questions).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cases import SETS, Case, answerable_cases
from fit_answer import fit_logit, folds_of
from numpy.typing import NDArray

from rag.evaluate.bootstrap import mean_interval
from rag.evidence import FEATURES

_RESAMPLES = 2_000
_DENSE_WEIGHT = 0.75
_FOLDS = 5
Hits = NDArray[np.float64]


def fitted_hits(data: Sequence[Case], columns: Sequence[int]) -> Hits:
    """Whether the first passage of each question is relevant, by weights fitted on the other folds, shape (questions,)."""
    fold = folds_of(data)
    hits = np.zeros(len(data))
    for held in range(_FOLDS):
        train = [(case.name, case.evidence[:, columns], case.relevant) for case in data if fold[case.document] != held]
        weights = fit_logit(train, positive=True)
        for number, case in enumerate(data):
            if fold[case.document] == held and case.found:
                hits[number] = case.relevant[int(np.argmax(case.evidence[:, columns] @ weights))]
    return hits


def convex_hits(data: Sequence[Case]) -> Hits:
    """The same by the convex sum alone."""
    sums = [
        [_DENSE_WEIGHT * item.hit.dense + (1 - _DENSE_WEIGHT) * item.hit.lexical for item in case.found]
        for case in data
    ]
    return np.array(
        [float(case.relevant[int(np.argmax(one))]) if one else 0.0 for case, one in zip(data, sums, strict=True)]
    )


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    parser.add_argument("--cache", type=Path, default=None, help="folder for the sets' indexes (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = list(answerable_cases(arguments.data, arguments.cache or Path(temporary)))
    everything = list(range(len(FEATURES)))
    full = fitted_hits(data, everything)
    variants = {"the convex sum alone": convex_hits(data)}
    for number, name in enumerate(FEATURES):
        variants[f"without `{name}`"] = fitted_hits(data, [column for column in everything if column != number])
    of = {name: np.array([case.name == name for case in data]) for name in SETS}
    lines = [
        "# What each feature of a passage adds",
        "",
        *(__doc__ or "").splitlines()[2:],
        "",
        f"| | {' | '.join(SETS)} |",
        f"| --- |{' ---: |' * len(SETS)}",
        f"| hit@1 with all | {' | '.join(f'{full[of[name]].mean():.3f} ({of[name].sum()})' for name in SETS)} |",
    ]
    for variant, hits in variants.items():
        cells = []
        for name in SETS:
            differences = (full - hits)[of[name]]
            low, high = mean_interval(differences, _RESAMPLES)
            cells.append(f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
