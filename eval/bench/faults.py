"""How an index stands kills, full disks, flipped bytes and a crowd of readers: a thousand faults, on a page of results.

    python eval/bench/faults.py --out eval/results/faults.md

The faults are those of `tests/faults`, where a few of each kind run in every test run. It takes a quarter of an hour; to mount a small file system it must be run by root.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag.evaluate.bench import machine

ROOT = Path(__file__).parents[2]
LANES = 2
AMOUNTS: Mapping[str, tuple[str | int, ...]] = {
    "kills steps": (240, 40, 44, LANES),
    "kills files": (60, 10, 11, LANES),
    "full": (65, 65, LANES),
    "flips": (240, 4, LANES),
    "crowd": (0, 60),
    "stateful": (60, 20),
}


def put_in(kind: str) -> dict[str, Any]:
    """Puts faults of a kind into indexes, in a process of their own, and gives what came of it."""
    done = subprocess.run(_command(kind), capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    print(f"{kind}: lost {found['lost'] or 'nothing'}", file=sys.stderr)
    return found


def _command(kind: str) -> list[str]:
    return [sys.executable, "-m", "tests.faults", *kind.split(), *map(str, AMOUNTS[kind])]


def _lost(found: Mapping[str, Any]) -> str:
    """What was lost, as a table's cell and as a list below it."""
    return str(len(found["lost"])) if found["lost"] else "nothing"


def _listed(found: Mapping[str, Any]) -> list[str]:
    return ["", *(f"- {what}" for what in found["lost"])] if found["lost"] else []


def _kills(found: Mapping[str, Any], what: str, kind: str) -> list[str]:
    lines = [
        f"### {what}",
        "",
        (
            f"`{_shown(kind)}`: {sum(found['tried'].values())} points, {sum(found['died'].values())} children killed there (the others had ended before), in every one of the"
            f" {len(found['steps'])} stretches between two acknowledged writes. Lost: **{_lost(found)}**."
        ),
        *_listed(found),
        "",
        "| point | there are | tried | killed |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, tried in sorted(found["tried"].items()):
        there = f"{found['possible'][name]:,}" if name in found["possible"] else ""
        lines.append(f"| {name} | {there} | {tried} | {found['died'].get(name, 0)} |")
    return [*lines, ""]


def _full(found: Mapping[str, Any]) -> list[str]:
    tried = found["tried"]
    disk = (
        f"{tried['a full file system']} times a tmpfs of 8 MiB filled up to between 0 bytes and 400 kB"
        if found["mounted"]
        else "no file system, as this user may not mount one"
    )
    return [
        "## 2. A full disk",
        "",
        (
            f"{tried['a limit on the size of files']} times a limit on the size of files (`RLIMIT_FSIZE`), from 0 bytes upwards, and {disk}. It begins before each step of the sequence in turn, or between its"
            " write and its sync, and holds to the end. The process that writes goes on reading and writing in it; a new process opens the index in it and asks. Then there is room"
            " again: the index is opened, verified, and the rest of the sequence ends as it should."
        ),
        f"`{_shown('full')}`. Lost: **{_lost(found)}**.",
        *_listed(found),
        "",
        "| operation | times |",
        "| --- | ---: |",
        *(f"| {name} | {times} |" for name, times in found["came"].items()),
        "",
    ]


def _flips(found: Mapping[str, Any]) -> list[str]:
    names = ("flips", "raised", "found", "searched", "harmless")
    files = {name: [of[column] for column in names] for name, of in sorted(found["files"].items())}
    total = [sum(column) for column in zip(*files.values(), strict=True)]
    rows = [*files.items(), ("**all**", total)]
    return [
        "## 3. One flipped byte",
        "",
        (
            "At places spread over each file of an index, one bit or (every third time) several of one byte are turned. One process then opens the index, reads every article, passage, vector and location,"
            " searches and asks; another, on a copy, runs `verify`. Lost is counted whatever is read that was not stored and raises no error (an article's text, a passage, a quote), a change that"
            " `verify` does not find, a crash, a hang, and an error that is not one of the package's own."
        ),
        f"`{_shown('flips')}`. Lost: **{_lost(found)}**.",
        *_listed(found),
        "",
        "| file | flips | opening or reading raises `IndexDamaged` or another error of ours | `verify` finds it | searches rank or find something else, `verify` finds it | harmless |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {name} | {' | '.join(map(str, row))} |" for name, row in rows),
        "",
        (
            "Harmless: nothing that the index tells changes, and `verify` finds nothing (empty pages, lists of files that are only there to be cleaned up). Where `verify` finds something and reading raises"
            " nothing, what is damaged is derived: it is built again at opening, or, where only a vector's numbers or a posting changed, searched as it is until `repair`."
        ),
        "",
    ]


def _crowd(found: Mapping[str, Any]) -> list[str]:
    return [
        "## 4. Eight readers beside a writer",
        "",
        (
            "Two processes read through the store, two ask and search through the library's front door, two threads share a store in a fifth process, and two threads share the writer's own. In each batch"
            " six articles get a new edition, another comes or goes, and a location moves. A reading is mixed if it shows two editions, a digest that is not that of the articles, a passage without its article, or"
            " a generation other than it was written."
        ),
        f"`{_shown('crowd')}`: {found['batches']} batches; {sum(found['readings']):,} readings ({', '.join(map(str, sorted(found['readings'])))}), of {found['generations']} different generations. Errors and mixed generations: **{_lost(found)}**.",
        *_listed(found),
        "",
    ]


def _stateful(found: Mapping[str, Any]) -> list[str]:
    return [
        "## 5. Against a dictionary",
        "",
        (
            f"{found['examples']} random sequences (hypothesis) of up to {found['steps']} operations: writes with upserts, removals, locations added and vacated; syncs; closings and openings; losses of"
            " what is derived; two stores taking turns in writing, and one reading while the other writes; float32 and float16 vectors; lists from the ninth vector on. After each operation, both"
            " stores tell what the dictionary holds: articles, counts, locations, fingerprints, vectors, words."
        ),
        f"`{_shown('stateful')}`. Differences: **{_lost(found)}**.",
        *_listed(found),
        "",
    ]


def _shown(kind: str) -> str:
    return " ".join(["python", *_command(kind)[1:]])


def page() -> str:
    """All faults, and what was lost."""
    steps, files = put_in("kills steps"), put_in("kills files")
    others = [
        *_full(put_in("full")),
        *_flips(put_in("flips")),
        *_crowd(put_in("crowd")),
        *_stateful(put_in("stateful")),
    ]
    return "\n".join(
        [
            "# What is lost",
            "",
            f"`python eval/bench/faults.py` puts these faults into small indexes, whose lists are made from the 41st vector on, and holds what is there afterwards against what an undisturbed index tells. {machine()}",
            "",
            "## 1. kill -9",
            "",
            (
                "A child runs a sequence of writes and acknowledges each as soon as it has returned; it kills itself at the so-manieth event of a kind, is killed at a random time, or dies within a write (the system's"
                " `SIGXFSZ`, at a size that no file may exceed). Then the index is opened. It must be in the state of the last acknowledged write or of the one after: every article, passage, vector, location"
                " and fingerprint, and what three words and two questions find, with and without filters. `verify` must find nothing, and the rest of the sequence must end as it does undisturbed."
            ),
            "",
            *_kills(steps, "Twelve writes to the store", "kills steps"),
            *_kills(files, "Files that come, change, move and go: `add --sync` and `remove`", "kills files"),
            *others,
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="where the page goes; else it is printed")
    out = parser.parse_args().out
    written = page()
    if out:
        out.write_text(written, encoding="utf-8")
    else:
        print(written)
