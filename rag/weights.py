"""The fitted weights: a small JSON file that says where it comes from."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).with_name("weights.json")


@lru_cache(maxsize=1)
def _record() -> dict[str, dict[str, float]]:
    record: dict[str, dict[str, float]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return record


def weights(model: str, names: tuple[str, ...]) -> NDArray[np.float64]:
    """The weights of a model (`choice` or `confidence`) in the order of the names."""
    return np.array([_record()[model][name] for name in names])
