"""Real damage to an index, and what must hold however it is damaged."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rag.store import IndexedArticle, Manifest
from rag.store.opening import CATALOG_FILE
from rag.store.repair import Repaired, repair
from rag.types import Article
from tests.conformance.store import put
from tests.stand_in import StandIn, article, indexed
from tests.store.conftest import NAMES, opened

CATALOG = CATALOG_FILE


def again(found: Article, location: str, _: Manifest) -> IndexedArticle:
    """An article cut and embedded by the stand-in."""
    return indexed(found, location=location)


def mended(folder: Path) -> Repaired:
    """The index after a repair with the stand-in."""
    return repair(folder, again=again, vouch=lambda model: model == StandIn().info)


def fill(folder: Path) -> None:
    """An index of thirteen articles with some history: replaced, removed, with dates, outlets and several passages."""
    with opened(folder) as store:
        for number, name in enumerate(NAMES):
            text = " ".join(f"The {name} committee met {n} times in Geneva." for n in range(1 + number % 5))
            dated = {"published": "2024-05-14", "source": "Reuters"} if number % 2 else {}
            put(store, [article(name, text, title=f"On {name}", **dated)])
        put(store, [article("late")], [NAMES[0]])
        store.write([indexed(article(NAMES[1], "It was replaced in Oslo."), location="files/n01.txt")])
        store.sync()


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def flips(folder: Path, pattern: str, count: int) -> Iterator[tuple[Path, int, int]]:
    """Files of an index, offsets and bits, the same ones in every run; most where there is something."""
    chance = random.Random(f"{pattern} {count}")  # noqa: S311 - no secret
    files = [path for path in sorted(folder.glob(pattern)) if path.is_file() and path.stat().st_size]
    for _ in range(count):
        path = chance.choice(files)
        data = path.read_bytes()
        places = [at for at, byte in enumerate(data) if byte] if chance.random() < 0.9 else range(len(data))
        yield path.relative_to(folder), chance.choice(list(places)), chance.randrange(8)


def copied(folder: Path, to: Path) -> Path:
    """A copy of an index."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


@contextmanager
def rows_of(folder: Path) -> Iterator[sqlite3.Connection]:
    """The tables of an index, to be damaged. Checks that belong to rows stay as they are."""
    with closing(sqlite3.connect(folder / CATALOG)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        yield db


def sql(*statements: str) -> Callable[[Path], None]:
    """Damage by statements."""

    def damage(folder: Path) -> None:
        with rows_of(folder) as db:
            for statement in statements:
                db.execute(statement)

    return damage


def pages_lost(folder: Path, numbers: Sequence[int], fill_with: bytes = b"\xa5") -> None:
    """Overwrites pages of the catalog."""
    path = folder / CATALOG
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for number in numbers:
        data[(number - 1) * size : number * size] = fill_with * (size // len(fill_with))
    path.write_bytes(data)


def root_of(folder: Path, table: str) -> int:
    """The first page of a table or index."""
    with closing(sqlite3.connect(folder / CATALOG)) as db:
        return int(db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0])


def told(folder: Path) -> dict[str, Any]:
    """Everything that an index tells of its articles: text and metadata, passages and where it stands."""
    from tests.conformance.store import ALL

    with opened(folder) as store:
        return {
            one.id: (one, list(store.passages(store.keys(one.id)).values()), store.places(one.id))
            for one in store.articles(ALL)
        }
