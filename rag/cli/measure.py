"""`rag eval`: figures, measured."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from rag import config
from rag.cli import options
from rag.cli.progress import adding
from rag.cli.render import notice
from rag.errors import BadInput


def evaluate(
    *,
    sets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SET_FOLDER]...",
            help="Folders with corpus.jsonl and questions.jsonl.",
            show_default="the gold set on the seeds",
        ),
    ] = None,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="JSON lines of questions, asked of --corpus, or else of the index.")
    ] = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            "--corpus", help="Articles that --gold, --speech or --claims was written on: file or folder. Repeatable."
        ),
    ] = None,
    speech: Annotated[
        Path | None, typer.Option("--speech", help="JSON lines of sentences: measure who is said to say them.")
    ] = None,
    claims: Annotated[
        list[Path] | None,
        typer.Option(
            "--claims", help="JSON lines of claims: measure the verifier, on --corpus or the index. Repeatable."
        ),
    ] = None,
    entail: options.EntailOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Only this many questions a set, always the same.", min=1)
    ] = None,
    only: Annotated[
        Path | None, typer.Option("--only", help="Only the questions whose ids this file names, one a line.")
    ] = None,
    passages: Annotated[
        int | None,
        typer.Option(
            "--passages",
            help="Score this many passages character by character against the evidence.",
            show_default="5 on the chunking set, else none",
            min=1,
            max=100,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the figures and every outcome as JSON.")] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Write the figures, and no question, as Markdown.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write index.html with tables, plots and the worst answers here.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="Compare with this earlier --out; exit 1 on a significant fall.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--compare", help="Compare with this earlier --out; with a second JSON file, just those two."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder of the sets' indexes.", show_default="eval in the cache folder"),
    ] = None,
    min_confidence: options.ConfidenceOption = None,
    model: options.ModelOption = None,
    rerank: options.RerankOption = None,
    as_of: options.AsOfOption = None,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Ask every question of gold sets and print the figures, with 95 % intervals.

    Each corpus is indexed once and kept in the cache. Without a folder, the gold set on the seeds is asked. --gold alone asks the index.
    """
    del debug
    from rag.evaluate.gate import compare_all, load_runs
    from rag.evaluate.job import Job, Watch, do, write
    from rag.evaluate.report import claims_table, gate_line, overview, speech_table, table, verdict_lines

    newer = [path for path in sets or [] if path.suffix == ".json"]
    if against and newer:
        verdicts = compare_all(load_runs(against), [run for path in newer for run in load_runs(path)])
        sys.stdout.write("\n".join(verdict_lines(verdicts)) + "\n")
        return
    if claims and report:
        raise BadInput("--report does not show claims", "Write --summary or --out instead")
    settings = config.load(index=index, min_confidence=min_confidence, model=model, rerank=rerank, entail=entail)
    baselines = {path: load_runs(path) for path in (gate, against) if path}
    done = do(
        Job(sets or (), gold, corpus or (), speech, claims or (), limit, passages, cache, only, as_of),
        settings,
        Watch(notice, adding, asking),
    )
    compared_with = {
        path: compare_all(runs, [one.measured.run for one in done.sets]) for path, runs in baselines.items()
    }
    verdicts = [verdict for found in compared_with.values() for verdict in found]
    write(done, out=out, summary_page=summary, report=report, verdicts=verdicts)
    if as_json:
        sys.stdout.write(json.dumps(done.record, ensure_ascii=False) + "\n")
    else:
        pages = [table(one.measured) for one in done.sets] + ([speech_table(done.spoken)] if done.spoken else [])
        pages += [claims_table(one) for one in done.verified]
        pages += [overview([one.measured for one in done.sets])] if len(done.sets) > 1 else []
        sys.stdout.write("\n\n".join(pages) + "\n")
    if verdicts:
        lines = verdict_lines(verdicts) + ([gate_line(compared_with[gate])] if gate else [])
        (sys.stderr if as_json else sys.stdout).write("\n".join(lines) + "\n")
    if gate:
        raise typer.Exit(int(not all(verdict.passed for verdict in compared_with[gate])))


@contextlib.contextmanager
def asking(name: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on standard error, where that is a terminal, how many questions have been asked."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"asking {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
