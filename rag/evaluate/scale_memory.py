"""The memory of a process that asks: run as a program of its own, told on standard input what to ask."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rag.config import Settings
from rag.errors import BadInput
from rag.index import Index

_STATUS = Path("/proc/self/status")
_TIMEOUT = 1800


class Memory(BaseModel):
    """Bytes that a process has in memory: after opening an index, after searches, after questions, and at most.

    After the questions, `anonymous` are its own and `mapped` are pages of files, which the system takes back when it needs them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    opened: int
    searched: int
    asked: int
    peak: int
    anonymous: int
    mapped: int


def memory_of(settings: Settings, searched: Sequence[str], asked: Sequence[str]) -> Memory | None:
    """What a new process has in memory that opens the settings' index and asks; None where the system does not tell.

    Raises:
        BadInput: the process fails.
    """
    if not _STATUS.exists():
        return None
    told = json.dumps({"settings": settings.model_dump(mode="json"), "searched": list(searched), "asked": list(asked)})
    command = [sys.executable, "-m", "rag.evaluate.scale_memory"]
    done = subprocess.run(  # noqa: S603 - our own module
        command, input=told.encode(), capture_output=True, timeout=_TIMEOUT, check=False
    )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadInput(f"the process whose memory is measured failed: {' '.join(last)}", "Ask the index by hand")
    return Memory.model_validate_json(done.stdout)


def main() -> None:
    """Opens, asks, and prints a `Memory`."""
    told = json.loads(sys.stdin.read())
    with Index.open(settings=Settings.model_validate(told["settings"])) as index:
        opened = _resident()["VmRSS"]
        for question in told["searched"]:
            index.search(question, k=10)
        searched = _resident()["VmRSS"]
        for question in told["asked"]:
            index.ask(question)
        now = _resident()
    memory = Memory(
        opened=opened,
        searched=searched,
        asked=now["VmRSS"],
        peak=now["VmHWM"],
        anonymous=now["RssAnon"],
        mapped=now["RssFile"],
    )
    sys.stdout.write(memory.model_dump_json() + "\n")


def _resident() -> dict[str, int]:
    lines = (line.split() for line in _STATUS.read_text(encoding="ascii").splitlines())
    return {line[0].rstrip(":"): 1024 * int(line[1]) for line in lines if line[2:] == ["kB"]}


if __name__ == "__main__":
    main()
