"""What `rag add` and `rag remove` do and print: once, or again whenever something changes."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.add import AddReport, Outcome, RemoveReport, Status
from rag.cli.interrupt import INTERRUPTED, Stop, first_interrupt
from rag.cli.render import clean, is_terminal, notice, one_line
from rag.errors import BadInput, IndexBusy, NoSpace
from rag.index import Index

_LINES_SHOWN = 20
_NARROWEST = 20
_STATUSES: tuple[Status, ...] = ("added", "updated", "unchanged", "skipped", "removed")


@dataclass
class Adding:
    """`rag add`: what it adds from, and how it tells what happened."""

    index: Index
    sources: Sequence[Path]
    sync: bool = False
    as_json: bool = False
    verbose: bool = False
    _stop: Stop = field(default_factory=Stop)
    _running: bool = False

    def once(self) -> int:
        """Adds, prints what happened, and gives the exit code.

        Raises:
            BadInput: nothing in the folders could be read.
            IndexBusy: another process is writing.
        """
        with first_interrupt(self._interrupted):
            report = self._run()
        if not report.outcomes and not report.interrupted:
            self._tell_notes(report)
            raise BadInput(
                "there is nothing to read in those folders", "Name files, or folders that hold .txt or .jsonl"
            )
        self._print(report)
        if report.interrupted:
            notice("interrupted: run the same command again to go on")
            return INTERRUPTED
        unread = any(outcome.named for outcome in report.skipped) or report.count("skipped") == len(report.outcomes)
        return int(unread or bool(report.notes))

    def watching(self, without: Path) -> int:
        """Adds, then again whenever something changes, until Ctrl-C; gives the exit code.

        Args:
            without: a folder in which changes do not count: the index.

        Raises:
            BadInput: a path is not there, or cannot be watched.
        """
        from rag.cli.watch import changes

        told: set[Outcome] | None = None
        with (
            first_interrupt(self._interrupted),
            contextlib.closing(changes(self.sources, self._stop, without=without)) as turns,
        ):
            for _ in turns:
                try:
                    report = self._run()
                except (IndexBusy, NoSpace) as error:  # both pass
                    notice(f"error: {error}; trying again when something changes")
                    continue
                if told is None:
                    self._print(report)
                    notice("watching; Ctrl-C ends")
                else:
                    self._print_news(report, told)
                told = set(report.skipped)
        notice("stopped watching")
        return 0

    def _run(self) -> AddReport:
        from rag.cli.progress import adding

        self._running = True
        try:
            with adding() as progress:
                return self.index.add(*self.sources, progress=progress, sync=self.sync, stopped=self._stop.is_set)
        finally:
            self._running = False

    def _interrupted(self) -> None:
        self._stop.set()
        if self._running:
            with contextlib.suppress(RuntimeError):  # it came while a line was being written
                notice("finishing the current batch; Ctrl-C again ends at once")

    def _print(self, report: AddReport) -> None:
        if self.as_json:
            _print_json(report)
            return
        shown = len(report.skipped) if self.verbose else _LINES_SHOWN
        for outcome in report.skipped[:shown]:
            notice(f"skipped {outcome.location}: {outcome.reason}")
        if len(report.skipped) > shown:
            notice(f"and {len(report.skipped) - shown} more skipped; --verbose shows them all")
        if self.verbose or len(report.outcomes) <= _LINES_SHOWN:
            _print_lines(outcome for outcome in report.outcomes if outcome.status != "skipped")
        self._tell_notes(report)
        counts = {status: report.count(status) for status in _STATUSES}
        if not self.sync and not counts["removed"]:
            del counts["removed"]
        _print_line(", ".join(f"{status} {count:,}" for status, count in counts.items()))

    def _print_news(self, report: AddReport, told: set[Outcome]) -> None:
        """Prints what is otherwise than after the last run."""
        news = [one for one in report.outcomes if one.status != "unchanged" and one not in told]
        if self.as_json and (news or report.notes):
            _print_json(AddReport(tuple(news), report.interrupted, report.notes))
            return
        for outcome in news:
            if outcome.status == "skipped":
                notice(f"skipped {outcome.location}: {outcome.reason}")
        _print_lines(outcome for outcome in news if outcome.status != "skipped")
        self._tell_notes(report)

    def _tell_notes(self, report: AddReport) -> None:
        for note in report.notes:
            notice(f"note: {note}")


def print_removed(report: RemoveReport, *, as_json: bool) -> None:
    """Prints what `rag remove` did."""
    if as_json:
        counts = {"removed": report.count("removed"), "kept": report.count("kept")}
        _print_line(json.dumps({**counts, "outcomes": [one.as_json() for one in report.outcomes]}, ensure_ascii=False))
        return
    for outcome in report.outcomes:
        kept = f" ({outcome.reason})" if outcome.reason else ""
        _print_line(_fitted(f"{outcome.status:7}  {one_line(outcome.article_id or '')}  {_called(outcome)}", kept))


def _print_json(report: AddReport) -> None:
    counts: dict[str, object] = {status: report.count(status) for status in _STATUSES}
    rest = {"interrupted": report.interrupted, "notes": list(report.notes)}
    outcomes = [outcome.as_json() for outcome in report.outcomes]
    _print_line(json.dumps({**counts, **rest, "outcomes": outcomes}, ensure_ascii=False))


def _print_lines(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        _print_line(_fitted(f"{outcome.status:9} {one_line(outcome.article_id or '')}  {_called(outcome)}"))


def _called(outcome: Outcome) -> str:
    return one_line(outcome.title or outcome.location)


def _fitted(line: str, end: str = "") -> str:
    """A line cut to the width of the terminal, and whole where there is none."""
    if not is_terminal():
        return line + end
    from rich.text import Text

    text = Text(line)
    text.truncate(max(_NARROWEST, shutil.get_terminal_size().columns - len(end)), overflow="ellipsis")
    return text.plain + clean(end)


def _print_line(line: str) -> None:
    print(line, flush=True)  # noqa: T201
