"""What each part of finding an answer adds: every question asked with all parts, and with one part left out.

    python eval/bench/parts.py --data DEV_SETS --out eval/results/parts.md

Answerable questions of the news gold set, and of the development sets those that the shipped reranker has not seen. A row says by how much the share of right
first passages, and of right first sentences, falls without the part: with all parts minus without it, with a 95 % interval (paired bootstrap over questions).
The weights of the other parts are not fitted anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rag import config, resources
from rag.evaluate.bootstrap import mean_interval
from rag.evaluate.gold import listed, load_questions, sample
from rag.evaluate.run import Result, run
from rag.evaluate.sets import EvalSet, open_index, set_of_files, set_of_folder

_RESAMPLES = 2_000
_AS_OF = "2021-03-01"
_VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "all parts": {},
    **{f"without {part}": {"leave_out": frozenset({part})} for part in config.PARTS},
    "without the second look": {"leave_out": frozenset({"sentence", "phrases", "coverage"})},
    "without the reranker": {"rerank": "none"},
}


def outcomes(
    chosen: EvalSet, settings: config.Settings, cache: Path, only: Path | None, limit: int
) -> dict[str, Result]:
    """What came of each answerable question, by its id."""
    questions = [one for one in listed(load_questions(chosen.gold), only) if one.answerable]
    with open_index(chosen, settings, cache) as index:
        done = run(index, sample(questions, limit), gold=chosen.name, min_confidence=0.0, hide=False, as_of=_AS_OF)
    return {result.id: result for result in done.results}


def row(name: str, full: Mapping[str, Result], less: Mapping[str, Result]) -> str:
    """A line of the table: the two differences with their intervals."""
    cells = []
    for value in (_first_passage, _first_sentence):
        differences = np.array([value(full[key]) - value(less[key]) for key in full])
        low, high = mean_interval(differences, _RESAMPLES)
        cells.append(f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
    return f"| {name} | {' | '.join(cells)} |"


def _first_passage(result: Result) -> float:
    return float(1 in result.relevant)


def _first_sentence(result: Result) -> float:
    return float(result.quoted[:1] == (True,))


def main() -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the sets' indexes")
    parser.add_argument("--limit", type=int, default=150, help="questions a set")
    parser.add_argument(
        "--sets", nargs="*", default=["squad2", "xquad", "clapnq", "wice"], help="dev sets beside the news"
    )
    arguments = parser.parse_args()
    corpora = [resources.resource("seeds"), arguments.data / "wikinews" / "corpus.jsonl"]
    held_out = Path("eval/train/held_out.txt")
    sets: list[tuple[EvalSet, Path | None]] = [(set_of_files(Path("eval/news.jsonl"), corpora), None)]
    sets += [(set_of_folder(arguments.data / name), held_out) for name in arguments.sets]
    lines = ["# What each part adds", "", *(__doc__ or "").splitlines()[2:]]
    for chosen, only in sets:
        full: dict[str, Result] = {}
        for name, changes in _VARIANTS.items():
            settings = config.Settings(**changes)
            found = outcomes(chosen, settings, arguments.cache, only, arguments.limit)
            if not full:
                full = found
                first = [
                    float(np.mean([value(one) for one in full.values()])) for value in (_first_passage, _first_sentence)
                ]
                lines += [
                    "",
                    f"## {chosen.name}, {len(full)} questions: passage hit@1 {first[0]:.3f}, answer sentence @1 {first[1]:.3f}",
                    "",
                    "| | passage hit@1 | answer sentence @1 |",
                    "| --- | ---: | ---: |",
                ]
            else:
                lines.append(row(name.removeprefix("without "), full, found))
            print(chosen.name, name, flush=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
