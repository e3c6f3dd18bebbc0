"""A few of each of the faults that `eval/bench/faults.py` puts into an index by the hundred: nothing is lost.

Each kind runs in a process of its own, as its children are forked before anything starts a thread.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

ROOM = 900


def put_in(kind: str, *arguments: int | str) -> dict[str, Any]:
    """Puts faults of a kind into indexes, and tells what came of it."""
    command = [sys.executable, "-m", "tests.faults", kind, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ROOM)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_kill_loses_nothing() -> None:
    found = put_in("kills", "steps", 26, 1, 3, 2)
    assert found["lost"] == []
    assert found["tried"].keys() >= found["possible"].keys()
    assert sum(found["died"].values()) > 26


def test_a_kill_while_files_are_added_loses_nothing() -> None:
    found = put_in("kills", "files", 5, 1, 1, 2)
    assert found["lost"] == []


def test_a_full_disk_loses_nothing() -> None:
    found = put_in("full", 9, 3, 2)
    assert found["lost"] == []
    assert found["came"]["a write: NoSpace"] > 3
    assert found["came"]["a reader: answers"] > 6


def test_a_flipped_byte_is_found_or_harmless() -> None:
    found = put_in("flips", 16, 1, 2)
    assert found["lost"] == []
    files = found["files"].values()
    assert sum(of["found"] for of in files) > sum(of["flips"] for of in files) / 2


def test_readers_see_one_generation_while_a_writer_writes() -> None:
    found = put_in("crowd", 12, 0)
    assert found["lost"] == []
    assert found["batches"] == 13
