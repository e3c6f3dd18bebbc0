"""`rag eval` and `rag bench`: figures, measured."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rag import config, resources
from rag.cli import options
from rag.cli.progress import adding
from rag.cli.render import notice
from rag.index import Index

bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure speed, whole processes, alternating.")


def evaluate(
    *,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="JSON lines of questions.", show_default="the gold set on the seeds")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the figures and every outcome as JSON.")] = None,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="Compare with this earlier --out; exit 1 on a significant fall.")
    ] = None,
    min_confidence: options.ConfidenceOption = None,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Ask every question of a gold set and print the figures.

    Without --gold, the seeds are indexed afresh in a temporary folder and their gold set is asked; with it, the questions go to the index.
    """
    del debug
    from rag.evaluate.gate import compare, load_run
    from rag.evaluate.gold import load_questions
    from rag.evaluate.report import record, table, verdict_lines
    from rag.evaluate.run import run

    settings = config.load(index=index, min_confidence=min_confidence)
    baseline = load_run(gate) if gate else None
    path = gold or resources.resource("eval/gold.jsonl")
    questions = load_questions(path)
    with tempfile.TemporaryDirectory() as temporary:
        opened = (
            Index.open(settings=settings, notice=notice)
            if gold
            else Index.create(Path(temporary) / "index", settings=settings, notice=notice)
        )
        with opened:
            if not gold:
                with adding() as progress:
                    opened.add(resources.resource("seeds"), progress=progress)
            finished = run(opened, questions, gold=path.name, min_confidence=settings.min_confidence)
    recorded = record(finished)
    if out:
        out.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(recorded, ensure_ascii=False) + "\n" if as_json else table(finished) + "\n")
    if baseline is not None:
        verdict = compare(baseline, finished)
        (sys.stderr if as_json else sys.stdout).write("\n".join(verdict_lines(verdict)) + "\n")
        raise typer.Exit(int(not verdict.passed))


@bench.command()
def cold(
    *,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", help="NAME=COMMAND to alternate with; {question} stands for the question. Repeatable."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", help="How often each is run.", min=1, max=100)] = 9,
    question: Annotated[str, typer.Option("--question", help="What to ask.")] = "what did China say in Geneva?",
    out: Annotated[Path | None, typer.Option("--out", help="Write a page of results (Markdown).")] = None,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Time a cold `ask`, from the start of the process to its end, alternating with other tools."""
    del debug
    from rag.evaluate.bench import cold_page, run_cold

    settings = config.load(index=index)
    page = cold_page(run_cold(settings, question, dict(_named(spec) for spec in against or []), rounds), question)
    if out:
        out.write_text(page + "\n", encoding="utf-8")
    sys.stdout.write(page + "\n")


@bench.command()
def first(
    *,
    rounds: Annotated[int, typer.Option("--rounds", help="How often.", min=1, max=20)] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="Write a page of results (Markdown).")] = None,
    debug: options.DebugOption = False,
) -> None:
    """Time the first use: model export, index of the seeds, answer; with an empty cache and no index."""
    del debug
    from rag.evaluate.bench import first_page, run_first

    page = first_page(run_first(rounds))
    if out:
        out.write_text(page + "\n", encoding="utf-8")
    sys.stdout.write(page + "\n")


def _named(spec: str) -> tuple[str, str]:
    name, found, command = spec.partition("=")
    if not found:
        raise typer.BadParameter("write NAME=COMMAND", param_hint="--against")
    return name, command
