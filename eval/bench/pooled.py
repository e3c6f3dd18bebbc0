"""Figures over several sets together, from the JSON that `rag eval --out` wrote.

    python eval/bench/pooled.py HELD_OUT.json squad2 xquad clapnq

AUROC of the confidence, answerable questions against the same ones asked without their articles; expected calibration error over all questions, those included.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rag.evaluate.calibration import auroc, calibration_error
from rag.evaluate.gate import load_runs


def main() -> None:
    """Prints the figures."""
    path, *names = sys.argv[1:]
    results = [result for run in load_runs(Path(path)) if run.gold in names for result in run.results]
    hidden = [result.hidden.confidence for result in results if result.hidden]
    answerable = [result.confidence for result in results if result.answerable]
    confidence = np.array([*(result.confidence for result in results), *hidden])
    right = np.array([*(float(result.quoted[:1] == (True,)) for result in results), *(0.0 for _ in hidden)])
    print(
        f"off-collection AUROC {auroc(np.array(answerable), np.array(hidden)):.3f} ({len(answerable)} against {len(hidden)})"
    )
    print(f"expected calibration error {calibration_error(confidence, right):.3f} ({len(right)} questions)")


if __name__ == "__main__":
    main()
