"""What was indexed from the named files and folders and is not there any more. What could not be read is not gone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath

from rag.ingest import Found, Same, Skipped, file_of
from rag.store import Store

Entry = Found | Same | Skipped


class Gone:
    """Follows a run of adding, and knows at its end which locations nothing stands at any more.

    Args:
        store: what was indexed.
        files: the files that the run found; the run goes on putting them in.
    """

    def __init__(self, store: Store, files: set[str]) -> None:
        self._store = store
        self._files = files
        self._folders: set[str] = set()
        self._unread: dict[str, str] = {}
        self._skipped: set[str] = set()
        self._lines: dict[str, None] = {}

    def name(self, source: str | Path) -> None:
        """Notes a file or folder that the user named."""
        try:
            path = Path(source).expanduser().resolve()
            place, is_folder, there = str(path), path.is_dir(), path.exists()
        except (OSError, RuntimeError, ValueError):  # skipped by name: nothing was ever indexed from there
            return
        if is_folder:
            self._folders.add(place)
            self._unread[place] = "nothing there can be read"
        elif not there:
            self._unread[place] = "it is not there"

    def skip(self, skipped: Skipped) -> None:
        """Notes what could not be read: all that is indexed from there stays."""
        self._skipped.add(skipped.location)

    def follow(self, path: str, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Passes on what a file gives; when it has been read to its end, the lines that went are known."""
        last, blank, whole, readable = 0, set[int](), True, False
        for entry in entries:
            yield entry
            if isinstance(entry, Skipped):
                self.skip(entry)
                whole = whole and entry.location != path
            elif not readable:
                readable = True
                self._readable(path)
            if entry.location != path:
                number = _line_of(entry.location)
                blank.update(range(last + 1, number))
                last = number
        if whole:
            for location in self._store.under(path):
                if location != path and file_of(location) == path:
                    number = _line_of(location)
                    if number > last or number in blank:
                        self._lines[location] = None
                elif location != path:  # it was a folder before
                    self._lines[location] = None

    def _readable(self, path: str) -> None:
        for folder in [parent for parent in map(str, PurePath(path).parents) if parent in self._unread]:
            del self._unread[folder]

    def locations(self) -> list[str]:
        """The locations at which nothing stands any more."""
        found = dict(self._lines)
        for folder in sorted(self._folders - self._unread.keys()):
            for location in self._store.under(folder):
                file = file_of(location)
                if file not in self._files and not self._kept(file) and _is_gone(file):
                    found[location] = None
        return list(found)

    def _kept(self, file: str) -> bool:
        """Whether a file, or a folder that it is in, could not be read."""
        return any(
            place in self._skipped or place in self._unread for place in [file, *map(str, PurePath(file).parents)]
        )

    def notes(self) -> list[str]:
        """What stays although it may be gone, and what removes it."""
        lines = []
        for place, reason in self._unread.items():
            count = len(set(self._store.under(place).values()))
            if count:
                articles = "1 article stays" if count == 1 else f"{count:,} articles stay"
                lines.append(f"{place}: {articles}, as {reason}; to remove: rag remove {shlex.quote(place)}")
        return lines


def _line_of(location: str) -> int:
    return int(location.rpartition("#")[2])


def _is_gone(file: str) -> bool:
    """Whether a file is certainly not there. A hidden one that was named before is, though its folder does not show it."""
    path = Path(file)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return path.is_dir()
