"""Faults that were found by putting faults in, each by itself."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import pytest

from rag.errors import IndexDamaged
from rag.store import EmbeddedStore, dense, embedded, segment
from rag.store.lock import LOCK_FILE
from rag.store.opening import CATALOG_FILE
from rag.types import Filter
from tests.conformance.store import ALL, found_dense, found_lexical, put
from tests.stand_in import StandIn, article, indexed
from tests.store.conftest import opened

NAMES = ["a", "b", "c"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path / "index") as store:
        put(store, [article(name) for name in NAMES])
    return tmp_path / "index"


def test_a_thread_that_waits_for_a_writer_lets_a_writing_thread_pass(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_PATIENCE_SECONDS", 1e6)
    with opened(folder) as store:
        with store.writing():
            store.write([indexed(article("d"))])
            reader = threading.Thread(target=partial(found_dense, store), daemon=True)
            reader.start()
            time.sleep(0.05)  # it may as well begin later; then there is nothing to see
            store.sync()
        reader.join(60)
        assert not reader.is_alive()


def test_what_is_held_in_memory_is_not_searched_beside_newer_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_PATIENCE_SECONDS", 0)
    with opened(folder) as writer, filelock.FileLock(folder / LOCK_FILE), opened(folder) as reader:
        writer.catalog.write(writer.manifest, [indexed(article("d"))], [], [], [])
        assert found_dense(reader) == {*NAMES, "d"}
        manifest = reader.manifest
        writer.derived.dense.update(writer.catalog, manifest.generation, manifest.passages)
        keys = [key for key, _ in reader.nearest(StandIn().encode_query("report"), 100, ALL)]
        assert len(keys) == len(set(keys)) == manifest.passages


def test_vectors_that_do_not_fit_are_no_file(tmp_path: Path) -> None:
    index = segment.exact_index(16, "float32")
    index.add_with_ids(StandIn().encode(NAMES), np.arange(3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            segment.write(tmp_path, index, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_lists_of_which_nothing_is_left_are_no_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "EXACT_VECTORS", 2)
    with opened(folder) as store:
        put(store, [article("d")])
        assert store.manifest.dense.kind == "ivf"
        put(store, [], [*NAMES, "d"])
        assert store.manifest.dense.vectors == 0
        put(store, [article("e")])
        assert found_dense(store) == found_lexical(store) == {"e"}


def test_a_document_that_a_failed_commit_left_is_not_in_the_next_ones_way(folder: Path) -> None:
    with opened(folder) as store:
        put(store, [], ["a"])
    before = {path.name: path.read_bytes() for path in (folder / "terms").iterdir()}
    with opened(folder) as store:
        put(store, [], ["b"])
    left = [path for path in (folder / "terms").glob("*.del") if path.name not in before]
    kept = {path.name: path.read_bytes() for path in [*left, folder / "terms" / ".managed.json"]}
    for name, data in {
        **before,
        **kept,
    }.items():  # as it was before `meta.json` was written: the commit never came to an end
        (folder / "terms" / name).write_bytes(data)
    with opened(folder) as store:
        assert store.derived.lexical.generation == store.manifest.generation
        put(store, [article("d")])
        assert found_dense(store) == found_lexical(store) == {"c", "d"}


DAMAGE = [
    "UPDATE passages SET article = 2 WHERE key = 1",
    "UPDATE articles SET id = 'z' WHERE id = 'a'",
    "UPDATE articles SET first_passage = 2 WHERE id = 'a'",
    "UPDATE articles SET first_passage = 'x' WHERE id = 'a'",
    "UPDATE articles SET passages = 99999999999 WHERE id = 'a'",
    "UPDATE manifest SET contents = x'00'",
]


@pytest.mark.parametrize("statement", DAMAGE)
def test_what_holds_rows_together_is_checked(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as db, db:
        db.execute(statement)
    with closing(EmbeddedStore.open(folder)) as store:
        with pytest.raises(IndexDamaged):
            _everything(store)
        assert store.article("c").id == "c"


def _everything(store: EmbeddedStore) -> None:
    store.passages(range(1, 9))
    store.keys("a")
    store.nearest(StandIn().encode_query("report"), 9, Filter(without=frozenset({"c"})))
    store.write([], ["a"])
    store.article("z")


def test_a_reader_opens_an_index_on_a_full_disk(folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with closing(EmbeddedStore.open(folder)) as store:
            assert found_dense(store) == found_lexical(store) == set(NAMES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
