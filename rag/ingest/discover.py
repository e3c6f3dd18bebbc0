"""Files and folders to the files that are to be read, by their names and sizes alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from rag.ingest.found import RECORD_SUFFIXES, TEXT_SUFFIXES, Skipped

_MEGABYTE = 1_000_000


def discover(
    paths: Iterable[str | Path], *, seen: set[str] | None = None, without: Path | None = None
) -> Iterator[Path | Skipped]:
    """The files under the given files and folders, each once, in a fixed order.

    Hidden files are passed over. A link that leads nowhere, or out of its folder, is skipped by name.

    Args:
        paths: files and folders.
        seen: files that were found before and are not found again; those found are put in.
        without: a folder that is passed over unless it is named.
    """
    for found in _discover(paths, set() if seen is None else seen, without.resolve() if without else None):
        named = str(found.location if isinstance(found, Skipped) else found)
        shown = named.encode("utf-8", "backslashreplace").decode()
        if isinstance(found, Skipped):
            yield replace(found, location=shown)
        elif shown != named:  # an index could not store where it stands
            yield Skipped(shown, "its name is not UTF-8; rename it")
        else:
            yield found


def _discover(paths: Iterable[str | Path], seen: set[str], without: Path | None) -> Iterator[Path | Skipped]:
    for given in paths:
        try:
            path = Path(given).expanduser()
            there = path.exists()
        except (OSError, RuntimeError) as error:  # a name too long, a folder that may not be entered, no such `~user`
            yield Skipped(str(given), getattr(error, "strerror", None) or str(error), named=True)
            continue
        if not there:
            reason = "broken link" if path.is_symlink() else "no such file or folder"
            yield Skipped(str(path), reason, named=True)
        elif path.is_dir():
            yield from _walk(path.resolve(), seen, without)
        elif _first(path.resolve(), seen):
            yield path.resolve()


def _walk(root: Path, seen: set[str], without: Path | None) -> Iterator[Path | Skipped]:
    unreadable: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=unreadable.append):
        here = Path(folder)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and here / name != without)
        links = [name for name in subfolders if not (here / name).resolve().is_relative_to(root)]
        for name in sorted([*names, *links]):
            path = here / name
            if name.startswith("."):
                continue
            if not path.exists():
                yield Skipped(str(path), "broken link")
            elif not path.resolve().is_relative_to(root):
                yield Skipped(str(path), "link that leads out of the folder; add its target by name")
            elif _first(path.resolve(), seen):
                yield path.resolve()
    for error in unreadable:
        yield Skipped(str(error.filename), error.strerror or "cannot be read")


def _first(path: Path, seen: set[str]) -> bool:
    name = str(path)
    if name in seen:
        return False
    seen.add(name)
    return True


def unfit(path: Path, max_megabytes: float) -> str | None:
    """Why a file is not even opened, or None."""
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES | RECORD_SUFFIXES:
        return f"{suffix} files are not read; convert to plain text"
    if not path.is_file():
        return "not a regular file"
    size = path.stat().st_size
    if suffix in TEXT_SUFFIXES and size > max_megabytes * _MEGABYTE:
        return f"{size:,} bytes is over the limit of {max_megabytes:g} MB; split it, or raise --max-file-mb"
    return None


def bytes_to_read(path: Path, max_megabytes: float) -> int:
    """How many bytes of a file are going to be read: none where it is not even opened."""
    try:
        return 0 if unfit(path, max_megabytes) else path.stat().st_size
    except OSError:
        return 0
