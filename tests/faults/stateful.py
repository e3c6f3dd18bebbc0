"""Random sequences of operations that hold the store against a dictionary, more and longer ones than in the tests."""

from __future__ import annotations

import traceback
from typing import Any

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.store.test_against_a_dictionary import StoreAgainstDictionary, TestStoreAgainstDictionary


def stateful(examples: int, steps: int) -> dict[str, Any]:
    """Runs so many sequences of up to so many operations.

    Returns:
        `examples`, `steps`: what was asked for; `lost`: where the store and the dictionary part, in sentences.
    """
    more = settings(TestStoreAgainstDictionary.settings, max_examples=examples, stateful_step_count=steps)
    lost = []
    try:
        run_state_machine_as_test(StoreAgainstDictionary, settings=more)
    except Exception:  # noqa: BLE001 - whatever it is, it is told
        lost.append(traceback.format_exc())
    return {"examples": examples, "steps": steps, "lost": lost}
