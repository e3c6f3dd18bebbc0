"""A SQLite file page by page, where SQLite itself no longer reads it: header, tables and rows, past whatever is broken.

As the file format is documented at sqlite.org/fileformat2.html. The write-ahead log beside the file is read as well: what it has committed lies
over the file. Nothing that is read is to be trusted until the checks of its row have been made.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_SIZES = (16_384, 4_096)
_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_KINDS = (_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE)
_WAL_MAGIC = 0x377F0682
_WAL_HEADER, _FRAME_HEADER = 32, 24
_DEEPEST = 40
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_LEAST_FRACTION, _MOST_FRACTION, _CELL_MARGIN, _MARGIN = 32, 255, 35, 23

Row = tuple[int, tuple[Any, ...]]
"""Row id and columns; a column that is the row id is None."""


class Broken(Exception):
    """A page, cell or record that is not one."""


class Tree(NamedTuple):
    """The leaf pages of a table, and whether every page on the way to them could be read."""

    leaves: list[int]
    whole: bool


class Pages:
    """The pages of a SQLite file with what its log has committed.

    Args:
        path: the file; its log is beside it.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = _mapped(path)
        self._log = _Log(path.with_name(f"{path.name}-wal"))
        self.size = self._log.page_size or _page_size(self._data)
        self._over = {frame.page: frame for frame in self._log.frames if frame.sound}
        self.count = max([len(self._data) // self.size, *self._over])
        self.extra = [self._log.page(frame) for frame in self._log.frames if not frame.sound]
        """Pages of the log whose check fails: nobody knows where they belong, but their rows may be whole."""

    @property
    def log_is_damaged(self) -> bool:
        """Whether the log holds more than SQLite would read of it."""
        return bool(self._log.damaged)

    def page(self, number: int) -> bytes:
        """A page; they count from 1.

        Raises:
            Broken: there is no such page.
        """
        if number in self._over:
            return self._log.page(self._over[number])
        at = (number - 1) * self.size
        if number < 1 or at + self.size > len(self._data):
            raise Broken(number)
        return bytes(self._data[at : at + self.size])

    def settle(self) -> None:
        """Writes the pages of the log into the file, durably; the log stays.

        Raises:
            OSError: it cannot be written; the log has it still.
        """
        if not self._over:
            return
        with self._path.open("rb+") as file:
            for number, frame in self._over.items():
                file.seek((number - 1) * self.size)
                file.write(self._log.page(frame))
            file.flush()
            os.fsync(file.fileno())

    def tree(self, root: int) -> Tree:
        """The leaf pages of the table whose root this is."""
        leaves: list[int] = []
        whole = self._descend(root, leaves, set(), 0)
        return Tree(leaves, whole)

    def _descend(self, number: int, leaves: list[int], seen: set[int], depth: int) -> bool:
        try:
            page = self.page(number)
            kind, cells, start = _head(page, number)
        except Broken:
            return False
        if number in seen or depth > _DEEPEST or kind not in (_LEAF_TABLE, _INTERIOR_TABLE):
            return False
        seen.add(number)
        if kind == _LEAF_TABLE:
            leaves.append(number)
            return True
        children = [int.from_bytes(page[at : at + 4], "big") for at in cells]
        children.append(int.from_bytes(page[start - 4 : start], "big"))
        return all([self._descend(child, leaves, seen, depth + 1) for child in children])  # noqa: C419 - every child counts

    def free(self) -> set[int]:
        """The pages that hold nothing any more, as far as the list of them can be read."""
        found: set[int] = set()
        with contextlib.suppress(Broken):
            trunk = int.from_bytes(self.page(1)[32:36], "big")
            while trunk and trunk not in found:
                page = self.page(trunk)
                length = min(int.from_bytes(page[4:8], "big"), self.size // 4 - 2)
                found.add(trunk)
                found.update(struct.unpack(f">{length}I", page[8 : 8 + 4 * length]))
                trunk = int.from_bytes(page[:4], "big")
        return found

    def is_leaf(self, number: int) -> bool:
        """Whether a page can be one that holds rows."""
        with contextlib.suppress(Broken):
            return _head(self.page(number), number)[0] == _LEAF_TABLE
        return False

    def rows(self, number: int) -> Iterator[Row]:
        """The rows of a leaf page that can be read."""
        with contextlib.suppress(Broken):
            yield from self.rows_in(self.page(number), number)

    def rows_in(self, page: bytes, number: int = 0) -> Iterator[Row]:
        """The rows that can be read of the bytes of a leaf page."""
        with contextlib.suppress(Broken):
            kind, cells, _ = _head(page, number)
            if kind != _LEAF_TABLE:
                return
            for at in cells:
                with contextlib.suppress(Broken, IndexError, struct.error, UnicodeDecodeError):
                    yield self._row(page, at)

    def _row(self, page: bytes, at: int) -> Row:
        length, at = _varint(page, at)
        key, at = _varint(page, at)
        most = self.size - _CELL_MARGIN
        if length <= most:
            return _signed(key), _record(page[at : at + length])
        least = (self.size - 12) * _LEAST_FRACTION // _MOST_FRACTION - _MARGIN
        here = least + (length - least) % (self.size - 4)
        here = here if here <= most else least
        parts, left = [page[at : at + here]], length - here
        following = int.from_bytes(page[at + here : at + here + 4], "big")
        while left > 0:
            more = self.page(following)
            parts.append(more[4 : 4 + left])
            left -= len(parts[-1])
            following = int.from_bytes(more[:4], "big")
        return _signed(key), _record(b"".join(parts))


def header_faults(path: Path) -> list[str]:
    """What a file's first bytes say that no file of ours says, in words.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    expected = {
        "does not begin as a SQLite file": head[:16] == _MAGIC,
        "is not in WAL mode": head[18:20] == b"\x02\x02",
        "has another layout of pages": head[20:24] == b"\x00\x40\x20\x20",
        "has another layout of tables": head[44:48] == b"\x00\x00\x00\x04",
        "is not in UTF-8": head[56:60] == b"\x00\x00\x00\x01",
    }
    return [what for what, holds in expected.items() if not holds]


class _Frame(NamedTuple):
    page: int
    at: int
    sound: bool


class _Log:
    """What a write-ahead log has committed. Frames are chained by a checksum; a link that fails, with one after it that holds, is damage."""

    def __init__(self, path: Path) -> None:
        self.frames: list[_Frame] = []
        self.page_size = 0
        self.damaged = False
        self._data = _mapped(path) if path.exists() else memoryview(b"")
        if len(self._data) > _WAL_HEADER:
            self._read()

    def page(self, frame: _Frame) -> bytes:
        """The page of a frame."""
        return bytes(self._data[frame.at : frame.at + self.page_size])

    def _read(self) -> None:
        head = bytes(self._data[:_WAL_HEADER])
        magic, _, size, _ = struct.unpack(">4I", head[:16])
        big = bool(magic & 1)
        computed = _checksum(head[:24], (0, 0), big=big)
        stored = struct.unpack(">2I", head[24:32])
        ends = {computed, stored}
        sound_header = magic & ~1 == _WAL_MAGIC and computed == stored
        self.page_size = size if _is_size(size) else _SIZES[0]
        pending: list[_Frame] = []
        at, gap = _WAL_HEADER, not sound_header
        while at + _FRAME_HEADER + self.page_size <= len(self._data):
            body = at + _FRAME_HEADER
            number, commit = struct.unpack(">2I", self._data[at : at + 8])
            wanted = struct.unpack(">2I", self._data[at + 16 : body])
            content = self._data[body : body + self.page_size]
            found = {_checksum(content, _checksum(self._data[at : at + 8], end, big=big), big=big) for end in ends}
            holds = wanted in found
            salted = self._data[at + 8 : at + 16] == head[16:24]
            if not holds and not salted:
                break  # of an earlier round
            pending.append(_Frame(number, body, holds))
            gap |= not (holds and salted)
            ends = {wanted} if holds else {wanted, *found}
            if commit and holds:  # what has no commit after it never happened
                self.frames += pending
                self.damaged |= gap
                pending = []
            elif not holds and len(pending) > 1 and not pending[-2].sound:
                break
            at = body + self.page_size


def _checksum(data: bytes | memoryview, seed: tuple[int, int], *, big: bool) -> tuple[int, int]:
    one, two = seed
    words = struct.unpack(f"{'>' if big else '<'}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _is_size(size: int) -> bool:
    return size in {2**power for power in range(9, 17)}


def _page_size(data: memoryview) -> int:
    """The page size with which most pages look like pages: the header itself may be what is broken."""
    stated = int.from_bytes(data[16:18], "big")
    sizes = dict.fromkeys([*([stated] if _is_size(stated) else []), *_SIZES])
    return max(sizes, key=lambda size: _plausible(data, size))


def _plausible(data: memoryview, size: int, sample: int = 2_000) -> int:
    count = 0
    for number in range(2, min(sample, len(data) // size) + 1):
        with contextlib.suppress(Broken):
            count += bool(_head(bytes(data[(number - 1) * size : number * size]), number)[1])
    return count


def _head(page: bytes, number: int) -> tuple[int, list[int], int]:
    """The kind of a page of a tree, where its cells are, and where the list of them begins."""
    at = _HEADER_BYTES if number == 1 else 0
    kind = page[at] if len(page) > at else 0
    if kind not in _KINDS:
        raise Broken(number)
    start = at + (12 if kind in (_INTERIOR_INDEX, _INTERIOR_TABLE) else 8)
    cells = int.from_bytes(page[at + 3 : at + 5], "big")
    if start + 2 * cells > len(page):
        raise Broken(number)
    places = list(struct.unpack(f">{cells}H", page[start : start + 2 * cells]))
    if any(not start + 2 * cells <= place < len(page) for place in places) and kind in (2, 5):
        raise Broken(number)
    return kind, [place for place in places if start + 2 * cells <= place < len(page)], start


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(9):
        byte = data[at + number]
        if number == 8:  # noqa: PLR2004 - the ninth byte counts in full
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follow
            return value, at + number + 1
    raise Broken(at)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _record(data: bytes) -> tuple[Any, ...]:
    length, at = _varint(data, 0)
    kinds, columns, body = [], [], length
    while at < length:
        kind, at = _varint(data, at)
        kinds.append(kind)
    for kind in kinds:
        value, size = _value(data, body, kind)
        columns.append(value)
        body += size
    if at != length or body != len(data):
        raise Broken(at)
    return tuple(columns)


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        size = _INTEGERS[kind]
        return int.from_bytes(data[at : at + size], "big", signed=True), size
    if kind in (8, 9):
        return kind - 8, 0
    if kind == 0:
        return None, 0
    if kind == 7:  # noqa: PLR2004 - a float
        return struct.unpack(">d", data[at : at + 8])[0], 8
    if kind < 12:  # noqa: PLR2004 - not in use
        raise Broken(kind)
    size = (kind - 12) // 2
    value = data[at : at + size]
    return (value.decode("utf-8") if kind % 2 else value), size
