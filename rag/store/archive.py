"""A whole index in one file: the manifest and a consistent copy of the catalog, compressed, with the hash of each; verified on the way in.

The file is a tar archive in one zstandard frame, with exactly the members `export.json` (this format, and name, size and SHA-256 of the others),
`manifest.json` and `catalog.sqlite`, in this order. The derived indexes are not in it: whoever imports builds them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.embed.source import file_sha256
from rag.errors import BadInput, IndexDamaged, IndexTooNew, NoSpace, RagError
from rag.store import incoming, opening, salvage
from rag.store.audit import Audit
from rag.store.catalog import Catalog
from rag.store.manifest import Manifest
from rag.store.migrate import read_manifest
from rag.store.opening import CATALOG_FILE, MANIFEST_FILE
from rag.store.schema import FORMAT
from rag.store.verify import Progress

EXPORT_FILE = "export.json"
ARCHIVE_FORMAT: Literal[1] = 1
MEMBERS = (MANIFEST_FILE, CATALOG_FILE)
_LEVEL = 3
_WINDOW_BYTES = 1 << 27
"""The largest window that is read: more than any level below 20 needs."""
_BLOCK = 1 << 20
_TAR_BLOCK = 512
_LONGEST_NOTE = 1 << 20
_MOST_TIMES = 400
_SMALL = 64 << 20
"""An archive that unpacks into more than this, and more than `_MOST_TIMES` its size, is no index: vectors hardly get smaller."""


class Member(BaseModel):
    """A file in the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["manifest.json", "catalog.sqlite"]
    size: int = Field(ge=0, lt=2**48)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Note(BaseModel):
    """What the archive says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = ARCHIVE_FORMAT
    index_format: int
    digest: str
    files: tuple[Member, Member]


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


def export_index(
    folder: Path,
    target: Path,
    *,
    force: bool = False,
    progress: Progress = lambda _what, _done, _all: None,
) -> Manifest:
    """Writes the index in a folder into one file, as of this moment; writers and readers go on meanwhile.

    Args:
        folder: the index.
        target: the file.
        force: replace a file that is there.
        progress: told what is done, how many of how many.

    Returns:
        The manifest of what was written.

    Raises:
        BadInput: the file is there, or cannot be written.
        IndexMissing: there is no index.
        IndexDamaged: it is damaged; nothing is written.
        IndexTooNew: a newer version of this package wrote it.
        NoSpace: the disk is full.
    """
    opening.found(folder)
    if target.exists() and not force:
        raise BadInput(f"{target} is there already", "Name another file, or replace it with --force")
    if target.is_dir():
        raise BadInput(f"{target} is a folder", "Name a file")
    copy, work = (target.with_name(f"{target.name}.{ending}") for ending in ("catalog.tmp", "tmp"))
    try:
        copy.write_bytes(b"")  # whether it can be written at all
        with contextlib.closing(opening.catalog_in(folder)) as catalog:
            progress("copying", 0, 1)
            catalog.copy_to(copy)
        manifest = _sound(folder, copy, progress)
        progress("writing", 0, 1)
        _write(copy, work, manifest)
        work.replace(target)
        salvage.synced(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    except NoSpace as error:
        raise _no_space(target) from error
    finally:
        for path in (copy, work):
            with contextlib.suppress(OSError):
                path.unlink()
    return manifest


def _sound(folder: Path, copy: Path, progress: Progress) -> Manifest:
    """The manifest of a copied catalog in which every row is what was written: an export that cannot be read in again would be worse than none."""
    with contextlib.closing(Catalog(copy)) as catalog:
        manifest = read_manifest(folder, catalog.manifest_json() or "")
        if manifest.format < FORMAT:
            raise BadInput(f"the index in {folder} has format {manifest.format}", "Run rag migrate, then export again")
        catalog.understand(manifest)
        looking = Audit(catalog, manifest)
        keys = looking.keys()
        for number, key in enumerate(keys):
            progress("checking", number, len(keys))
            if faults := looking.look(key).faults:
                raise IndexDamaged(
                    f"the index in {folder} is damaged ({faults[0].article_id}: {faults[0].what})",
                    "Run rag repair, then export again",
                )
        return manifest


def _write(copy: Path, work: Path, manifest: Manifest) -> None:
    import zstandard

    told = (manifest.model_dump_json(indent=2, exclude={"dense"}) + "\n").encode()
    files = (
        Member(name="manifest.json", size=len(told), sha256=hashlib.sha256(told).hexdigest()),
        Member(name="catalog.sqlite", size=copy.stat().st_size, sha256=file_sha256(copy)),
    )
    note = Note(index_format=manifest.format, digest=manifest.digest, files=files)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=-1, write_checksum=True)
    with work.open("wb") as file:
        with (
            compressor.stream_writer(file, closefd=False) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as tar,
            copy.open("rb") as content,
        ):
            for name, data in ((EXPORT_FILE, (note.model_dump_json(indent=2) + "\n").encode()), (MANIFEST_FILE, told)):
                tar.addfile(_entry(name, len(data)), io.BytesIO(data))
            tar.addfile(_entry(CATALOG_FILE, files[1].size), content)
        file.flush()
        os.fsync(file.fileno())


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry


def import_index(
    source: Path,
    folder: Path,
    *,
    force: bool = False,
    progress: Progress = lambda _what, _done, _all: None,
    notice: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Makes the index of an exported file the one of a folder, after every hash, article and vector has been checked.

    Args:
        source: the file.
        folder: where the index is to be; files in it that are not an index's stay.
        force: replace an index that is there.
        progress: told what is done, how many of how many.
        notice: told in a line when something takes long.

    Returns:
        The manifest of the index.

    Raises:
        BadInput: the file is not an export, is damaged or cut off, or there is an index already.
        IndexTooNew: a newer version of this package wrote it.
        IndexBusy: another process is writing to the index that is to be replaced.
        NoSpace: the disk is full.
    """
    incoming.check_target(folder, force=force)
    if not source.is_file():
        raise BadInput(f"{source} is not a file", "Name a file that rag export wrote")
    with incoming.arriving(folder) as work:
        try:
            note = _unpack(source, work, progress)
            manifest = incoming.checked(work, folder, note.digest, progress, notice)
        except IndexDamaged as error:
            raise BadInput(f"{source} does not hold a sound index: {error.message}", "Export it again") from error
        incoming.settle(work, folder)
    return manifest


def _unpack(source: Path, work: Path, progress: Progress) -> Note:
    import zstandard

    try:
        with source.open("rb") as file:
            decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
            with decompressor.stream_reader(file, read_across_frames=True, closefd=False) as stream:
                return _read(stream, source, work, progress)
    except zstandard.ZstdError as error:
        raise _no_export(source, "it is not zstandard, is damaged or is cut off") from error
    except OSError as error:
        raise opening.unusable(work.parent, error) from error


def _read(stream: _Source, source: Path, work: Path, progress: Progress) -> Note:
    size = _header(stream, source, EXPORT_FILE)
    if size > _LONGEST_NOTE:
        raise _no_export(source, f"its {EXPORT_FILE} is too large")
    note = _note(b"".join(_blocks(stream, source, size)), source)
    if tuple(one.name for one in note.files) != MEMBERS:
        raise _no_export(source, "it does not name its files")
    total = sum(one.size for one in note.files)
    if total > max(_SMALL, _MOST_TIMES * source.stat().st_size):
        raise _no_export(source, f"it would unpack into {total:,} bytes")
    if total > shutil.disk_usage(work).free:
        raise NoSpace(
            f"{source} unpacks into {total:,} bytes, and there are not so many left for {work.parent}", "Free some"
        )
    done = 0
    for member in note.files:
        if _header(stream, source, member.name) != member.size:
            raise _no_export(source, f"{member.name} has another size than it says")
        digest = hashlib.sha256()
        with (work / member.name).open("wb") as target:
            for block in _blocks(stream, source, member.size):
                digest.update(block)
                target.write(block)
                done += len(block)
                progress("unpacking", done, total)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != member.sha256:
            raise _no_export(source, f"{member.name} in it is not what was written")
    _nothing_more(stream, source)
    return note


def _note(data: bytes, source: Path) -> Note:
    try:
        found = json.loads(data)
        number, of_index = found["format"], found["index_format"]
        if isinstance(number, int) and number > ARCHIVE_FORMAT:
            raise IndexTooNew(
                f"{source} has the export format {number}; this version reads up to {ARCHIVE_FORMAT}",
                "Upgrade the package",
            )
        if isinstance(of_index, int) and of_index > FORMAT:
            raise IndexTooNew(
                f"the index in {source} has format {of_index}; this version reads up to {FORMAT}",
                "Upgrade the package",
            )
        return Note.model_validate(found)
    except RagError:
        raise
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
        raise _no_export(source, f"its {EXPORT_FILE} cannot be read") from error


def _header(stream: _Source, source: Path, name: str) -> int:
    """The size of the next member, which must be a plain file of this name."""
    data = _exactly(stream, source, _TAR_BLOCK)
    try:
        entry = tarfile.TarInfo.frombuf(data, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise _no_export(source, f"{name} is missing in it") from error
    if entry.name != name or entry.type != tarfile.REGTYPE or entry.size < 0:
        raise _no_export(source, f"it holds {entry.name!r} where {name} should be")
    return entry.size


def _blocks(stream: _Source, source: Path, size: int) -> Iterator[bytes]:
    left = size
    while left:
        block = _exactly(stream, source, min(left, _BLOCK))
        left -= len(block)
        yield block
    _exactly(stream, source, -size % _TAR_BLOCK)


def _exactly(stream: _Source, source: Path, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = stream.read(left)
        if not part:
            raise _no_export(source, "it is cut off")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _nothing_more(stream: _Source, source: Path) -> None:
    """The end of a tar archive: two blocks of zeros, and zeros up to the end of a record."""
    rest = _exactly(stream, source, 2 * _TAR_BLOCK)
    while len(rest) <= tarfile.RECORDSIZE and (more := stream.read(tarfile.RECORDSIZE)):
        rest += more
    if len(rest) > tarfile.RECORDSIZE or any(rest):
        raise _no_export(source, "it holds more than an index")


def _no_export(source: Path, why: str) -> BadInput:
    return BadInput(f"{source} is not a sound export: {why}", "Name a file that rag export wrote, or export again")


def _no_space(target: Path) -> NoSpace:
    return NoSpace(f"no space left for {target}", "Free some, or name a file on another disk")


def _unwritable(target: Path, error: OSError) -> RagError:
    if isinstance(known := opening.unusable(target.parent, error), NoSpace):
        return _no_space(target)
    return BadInput(f"{target} cannot be written: {(error.strerror or str(error)).lower()}", known.remedy.split(",")[0])
