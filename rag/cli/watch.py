"""Files and folders, followed: it is told when something in them changes."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from pathlib import Path

from rag.cli.interrupt import Stop
from rag.errors import BadInput

_WAIT_MS = 250
_QUIET_MS = 200
_LONGEST_MS = 2_000


def changes(paths: Sequence[Path], stop: Stop, *, without: Path) -> Generator[None]:
    """Yields as soon as it follows the paths, and then whenever something there has changed and nothing else does for a moment.

    What changes between two yields is not missed. Hidden files do not count.

    Args:
        paths: files and folders.
        stop: ends it, once it is set.
        without: a folder in which changes do not count.

    Raises:
        BadInput: a path is not there, or cannot be followed.
    """
    followed = [path.expanduser().resolve() for path in paths]
    for path, given in zip(followed, paths, strict=True):
        if not path.exists():
            raise BadInput(f"{given} is not there to be watched", "Name files and folders that are there")
    files = frozenset(path for path in followed if not path.is_dir())
    folders = [path for path in followed if path not in files]
    counts = _Counts(files, folders, without.expanduser().resolve())
    while not stop.is_set():
        parents = {path.parent for path in files}  # an editor that saves a file puts another one in its place
        before = _identities([*folders, *parents])
        watchers = [
            *_watcher(folders, counts, stop, recursive=True),
            *_watcher(sorted(parents), counts, stop, recursive=False),
        ]
        _next(watchers)  # from here on, changes are noted
        yield
        while before == _identities([*folders, *parents]):  # else a folder was put in the place of another
            changed = _next(watchers)
            if stop.is_set():
                return
            if changed:
                yield
        for watcher in watchers:
            watcher.close()


class _Counts:
    """Whether a change matters."""

    def __init__(self, files: frozenset[Path], folders: Sequence[Path], without: Path) -> None:
        self._files = files
        self._folders = folders
        self._without = without

    def __call__(self, change: object, name: str) -> bool:
        del change
        path = Path(name)
        if path.is_relative_to(self._without):
            return False
        inside = [path.relative_to(folder).parts for folder in self._folders if path.is_relative_to(folder)]
        return path in self._files or any(not any(part.startswith(".") for part in parts) for parts in inside)


def _watcher(paths: Sequence[Path], counts: _Counts, stop: Stop, *, recursive: bool) -> list[Generator[object]]:
    from watchfiles import watch

    there = [path for path in paths if path.is_dir()]
    if not there:
        return []
    return [
        watch(
            *there,
            watch_filter=counts,
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            rust_timeout=_WAIT_MS,
            yield_on_timeout=True,
            stop_event=stop,
            recursive=recursive,
            ignore_permission_denied=True,
        )
    ]


def _next(watchers: Sequence[Generator[object]]) -> bool:
    """Waits a moment, and tells whether something has changed."""
    if not watchers:
        time.sleep(_WAIT_MS / 1000)
    try:
        changed = [next(watcher, None) for watcher in watchers]  # each of them, or the last ones would never be asked
    except OSError as error:
        raise BadInput(
            f"the folders cannot be watched: {error.strerror or error}",
            "Watch fewer of them, raise fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1",
        ) from error
    return any(changed)


def _identities(folders: Sequence[Path]) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for folder in folders:
        try:
            status = folder.stat()
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found
