"""A cache folder of a test's own, with the models of the user's: what is kept in it does not outlive the test."""

from __future__ import annotations

from pathlib import Path

from rag.answer.synthesis.writer import CACHE_FILE


def own_cache(models: Path, folder: Path) -> Path:
    """A new folder with links to all that a cache holds, but for replies."""
    folder.mkdir()
    for path in models.iterdir():
        if not path.name.startswith(CACHE_FILE):
            (folder / path.name).symlink_to(path)
    return folder
