"""The folder of an index: which files it has, and what is said where it cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rag.errors import IndexDamaged, IndexMissing, NoSpace
from rag.store.catalog import Catalog

CATALOG_FILE, MANIFEST_FILE = "catalog.sqlite", "manifest.json"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def catalog_in(folder: Path) -> Catalog:
    """The catalog of the index in a folder, for reading alone where it cannot be written.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: it cannot be read.
    """
    return Catalog(found(folder), writable=is_writable(folder))


def found(folder: Path) -> Path:
    """The file of the catalog of the index in a folder.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: it may not be read.
    """
    try:
        there = (folder / CATALOG_FILE).is_file()
    except OSError as error:
        raise unusable(folder, error) from error
    if folder.is_file():
        raise IndexDamaged(f"{folder} is a file, not the folder of an index", "Name another --index")
    if not there:
        raise lost(folder) if (folder / MANIFEST_FILE).exists() else missing(folder)
    if not os.access(folder / CATALOG_FILE, os.R_OK) or not os.access(folder, os.R_OK | os.X_OK):
        raise IndexDamaged(f"no permission to read the index in {folder}", "Change the folder's permissions")
    return folder / CATALOG_FILE


def is_writable(folder: Path) -> bool:
    """Whether an index can be written to."""
    return os.access(folder, os.W_OK | os.X_OK) and os.access(folder / CATALOG_FILE, os.W_OK)


def made(folder: Path) -> None:
    """Makes the folder of an index, unless it is there.

    Raises:
        IndexDamaged: it cannot be made, or cannot be written.
        NoSpace: the disk is full.
    """
    try:
        if folder.is_file():
            raise IndexDamaged(f"{folder} is a file, not the folder of an index", "Name another --index")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise IndexDamaged(f"no permission to write in {folder}", "Change its permissions, or name another --index")


def missing(folder: Path) -> IndexMissing:
    """What is raised where there is no index."""
    return IndexMissing(f"there is no index in {folder}", "Make one: rag add FOLDER_OR_FILES")


def lost(folder: Path) -> IndexDamaged:
    """What is raised where an index has no catalog any more."""
    return IndexDamaged(
        f"the index in {folder} has lost its {CATALOG_FILE}", "Restore it, or remove the folder and add again"
    )


def unusable(folder: Path, error: OSError) -> IndexDamaged | NoSpace:
    """What is raised where the system refuses something."""
    if error.errno in _FULL:
        return NoSpace(
            f"no space left for the index in {folder}",
            "Free some: nothing is lost, and what was added is made searchable by whatever command comes next",
        )
    reason = (error.strerror or str(error)).lower()
    return IndexDamaged(
        f"the index folder {folder} cannot be used: {reason}", "Check that path, or name another --index"
    )
