"""`ask --batch`: a file of questions in, a file of answers out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.batch import Answerer, Batch, Totals, read_questions
from rag.cli.interrupt import INTERRUPTED, first_interrupt
from rag.cli.render import notice
from rag.errors import BadInput

DONE, SOME_FAILED = 0, 1
_FAULTS_SHOWN = 20


def run(questions: Path, out: Path, answer: Answerer, *, concurrency: int) -> int:
    """Asks the questions of a file, several at a time, and tells the totals on standard error.

    Args:
        questions: JSON lines, or text with one question a line.
        out: the file that answers are appended to; what is answered in it already is not asked again.
        answer: answers a question in JSON; several threads call it at once.
        concurrency: how many questions are asked at once.

    Returns:
        The exit code: 0 every question has its answer, 1 some failed or some lines hold no question, 130 interrupted.

    Raises:
        BadInput: one of the files cannot be used.
        OSError: the answers cannot be written.
    """
    if out.exists() and questions.exists() and out.samefile(questions):
        raise BadInput("the answers would go into the file of the questions", "Name another file with --out")
    asked, faults = read_questions(questions)
    for fault in faults[:_FAULTS_SHOWN]:
        notice(f"skipped {fault}")
    if len(faults) > _FAULTS_SHOWN:
        notice(f"and {len(faults) - _FAULTS_SHOWN} more lines skipped")
    batch = Batch(asked, out, answer, concurrency=concurrency)
    with first_interrupt(batch.stop), _bar(batch) as progress:
        totals = batch.run(progress)
    for line in summary(totals, skipped=len(faults)):
        notice(line)
    if totals.done < totals.questions:
        notice("interrupted: run the same command again to go on")
        return INTERRUPTED
    if totals.failed:
        notice("run the same command again to ask once more what failed")
    return SOME_FAILED if totals.failed or faults else DONE


def summary(totals: Totals, *, skipped: int = 0) -> list[str]:
    """The totals in words: the questions, and what models took, where any was asked."""
    counts = {
        "answered": totals.answered,
        "abstained": totals.abstained,
        "failed": totals.failed,
        "not asked": totals.questions - totals.done,
        "skipped": skipped,
    }
    shown = [f"{name} {count:,}" for name, count in counts.items() if count or name in ("answered", "abstained")]
    earlier = f" ({totals.kept:,} by an earlier run)" if totals.kept else ""
    lines = [f"{', '.join(shown)}{earlier}"]
    if totals.requests or totals.cached:
        lines.append(
            f"requests {totals.requests:,}, tokens {totals.input_tokens:,} in and {totals.output_tokens:,} out,"
            f" {_cost(totals)}, from the cache {totals.cached:,}"
        )
    return lines


def _cost(totals: Totals) -> str:
    if totals.cost is None:
        return "cost not known" if totals.unpriced else "cost $0"
    return f"cost {'at least ' if totals.unpriced else ''}${totals.cost:,.4f}"


@contextlib.contextmanager
def _bar(batch: Batch) -> Iterator[Callable[[Totals], None]]:
    """Shows on standard error, where that is a terminal, how far the batch is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    told = False
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("asking", total=None)

        def update(totals: Totals) -> None:
            nonlocal told
            doing = f"asking, {totals.failed:,} failed" if totals.failed else "asking"
            bar.update(task, completed=totals.done, total=totals.questions, description=doing)
            if batch.stopped and not told:
                told = True
                console.print("finishing what is under way; Ctrl-C again ends at once", highlight=False)

        yield update
