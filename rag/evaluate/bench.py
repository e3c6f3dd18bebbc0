"""Benchmarks of whole processes: started cold, timed from outside, alternating with other tools."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rag import resources
from rag.config import Settings
from rag.errors import BadInput
from rag.index import Index

_ASK = [sys.executable, "-c", "from rag.cli.entry import ask; ask()"]
_ABSTAINED = 3
_TIMEOUT = 300


def run_cold(settings: Settings, question: str, others: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each round for `ask` and each other command; one unmeasured round first, to fill the disk's cache.

    Raises:
        BadInput: a command fails.
    """
    commands = {"ask": [*_ASK, question, "--json", "--index", str(settings.index)]}
    commands |= {
        name: [part.replace("{question}", question) for part in shlex.split(line)] for name, line in others.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            elapsed = _timed(command, {})
            if number:
                seconds[name].append(elapsed)
    return seconds


def run_first(rounds: int) -> list[float]:
    """Seconds from nothing to an answer: export of the model, index of the seeds, one question."""
    seconds = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            places = {"RAG_CACHE": f"{folder}/cache", "RAG_INDEX": f"{folder}/index"}
            seeds = str(resources.resource("seeds"))
            add = [sys.executable, "-c", "from rag.cli.entry import rag; rag()", "add", seeds]
            seconds.append(_timed(add, places) + _timed([*_ASK, "what did China say in Geneva?"], places))
    return seconds


def run_warm(index: Index, questions: Sequence[str], rounds: int) -> list[float]:
    """Milliseconds of each question, the median of its rounds, after one unmeasured round of a few questions."""
    for question in questions[:5]:
        index.ask(question)
    times = []
    for question in questions:
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            index.ask(question)
            taken.append(1e3 * (time.perf_counter() - started))
        times.append(statistics.median(taken))
    return times


def warm_page(milliseconds: Sequence[float], index: Index, gold: str, rounds: int) -> str:
    """The results of `run_warm` as a page of Markdown."""
    low, middle, high = (float(np.percentile(milliseconds, share)) for share in (5, 50, 95))
    passages = index.manifest.passages
    return "\n".join(
        [
            "# Warm questions",
            "",
            f"{len(milliseconds)} questions of `{gold}`, the median of {rounds} rounds each, asked of an index of {passages:,} passages in one process.",
            machine(),
            "",
            "| 5th percentile ms | p50 ms | p95 ms |",
            "| ---: | ---: | ---: |",
            f"| {low:.1f} | {middle:.1f} | {high:.1f} |",
        ]
    )


def cold_page(seconds: Mapping[str, Sequence[float]], question: str) -> str:
    """The results of `run_cold` as a page of Markdown."""
    ours = statistics.median(seconds["ask"])
    lines = [
        "# Cold start",
        "",
        f"One question (`{question}`), whole processes, alternating, {len(seconds['ask'])} rounds after one unmeasured.",
        machine(),
        "",
        "| command | median s | fastest s | slowest s | median, times `ask` |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, times in seconds.items():
        median = statistics.median(times)
        lines.append(f"| {name} | {median:.2f} | {min(times):.2f} | {max(times):.2f} | {median / ours:.1f} |")
    return "\n".join(lines)


def first_page(seconds: Sequence[float]) -> str:
    """The results of `run_first` as a page of Markdown."""
    return "\n".join(
        [
            "# First use",
            "",
            "From nothing to an answer, after installation: export of the model, index of the seeds, one question.",
            machine(),
            "",
            "| rounds | median s | slowest s |",
            "| ---: | ---: | ---: |",
            f"| {len(seconds)} | {statistics.median(seconds):.1f} | {max(seconds):.1f} |",
        ]
    )


def _timed(command: Sequence[str], environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    finished = subprocess.run(  # noqa: S603 - the command is the user's own
        command, env={**os.environ, **environment}, capture_output=True, timeout=_TIMEOUT, check=False, cwd=Path.cwd()
    )
    elapsed = time.perf_counter() - started
    if finished.returncode not in (0, _ABSTAINED):
        last = finished.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadInput(f"a benchmarked command failed: {' '.join(command[:3])} … {' '.join(last)}", "Run it by hand")
    return elapsed


def machine() -> str:
    """What the figures were measured on, in a line."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU used."
