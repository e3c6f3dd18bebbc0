"""A progress bar on standard error, and nothing where that is not a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rag.add import Progress


@contextlib.contextmanager
def adding() -> Iterator[Progress]:
    """Shows how many passages have been embedded."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} passages"))
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading and embedding", total=None)

        def update(done: int, known: int, name: str) -> None:
            bar.update(task, completed=done, total=known if done == known else None, description=name[:40] or "done")

        yield update
