"""A progress bar on standard error, and nothing where that is not a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rag.add import Progress, Progressed
from rag.cli.render import one_line

_LOOKING = "looking"
_SPEED_SECONDS = 120.0


@contextlib.contextmanager
def adding() -> Iterator[Progress]:
    """Shows how much has been read, how many passages have been embedded, how fast, and how long it will take."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn(
            "{task.description}", markup=False, table_column=Column(width=16, no_wrap=True, overflow="ellipsis")
        ),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[passages]}", markup=False),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(
        *columns,
        console=console,
        transient=True,
        expand=True,
        disable=not sys.stderr.isatty(),
        speed_estimate_period=_SPEED_SECONDS,
    ) as bar:
        task = bar.add_task(_LOOKING, total=None, passages="")

        def update(now: Progressed) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            rate = f", {now.passages / elapsed:,.0f}/s" if now.passages and elapsed else ""
            bar.update(
                task,
                completed=now.bytes_done,
                total=now.bytes_total or None,
                description=one_line(now.name) or _LOOKING,
                passages=f"{now.passages:,} passages{rate}",
            )

        yield update
