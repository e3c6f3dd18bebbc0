"""What happened to each article, and how far a run of adding is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["added", "updated", "unchanged", "skipped", "removed", "kept"]
"""`kept`: it was to be removed from a place, and stands in another too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one article, or to one thing that was to be read. `named`: the user named it, rather than its folder."""

    location: str
    status: Status
    article_id: str | None = None
    reason: str | None = None
    named: bool = False
    title: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


@dataclass(frozen=True)
class _Report:
    outcomes: tuple[Outcome, ...]

    def count(self, status: Status) -> int:
        """How many have a status."""
        return sum(outcome.status == status for outcome in self.outcomes)


@dataclass(frozen=True)
class AddReport(_Report):
    """What happened to each article or file, in the order in which they were read; what was removed comes last.

    `interrupted`: not everything was read, and nothing that is gone was removed. `notes`: what else the user should know, a line each.
    """

    interrupted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """What was not read, with the reasons."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "skipped")


@dataclass(frozen=True)
class RemoveReport(_Report):
    """What happened to each article that was named, or that came from a path that was named."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a run of adding is: bytes of files, passages embedded, and the name of what was last at hand."""

    bytes_done: int
    bytes_total: int
    passages: int
    name: str


Progress = Callable[[Progressed], None]
"""Told how far a run of adding is."""
