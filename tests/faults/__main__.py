"""python -m tests.faults KIND ARGUMENTS: puts faults into indexes in a process of its own, and prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults import crowd, flips, full, kills, stateful

KINDS: dict[str, Callable[..., Any]] = {
    "crowd": crowd.crowd,
    "kills": kills.kills,
    "full": full.full,
    "flips": flips.flips,
    "stateful": stateful.stateful,
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - a kill is no power cut, so that waiting for a disk shows nothing

if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    if _MEMORY.is_dir():
        tempfile.tempdir = str(_MEMORY)
    print(json.dumps(KINDS[kind](*(int(one) if one.isdigit() else one for one in numbers)), indent=1))  # noqa: T201
