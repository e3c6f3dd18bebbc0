"""The embedded store: what a kill, damage, a second process and a newer version do to it, and what they do not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import filelock
import pytest

from rag.errors import IndexBusy, IndexDamaged, NoSpace
from rag.store import EmbeddedStore, embedded, opening
from rag.store.lexical import LexicalIndex
from rag.store.lock import LOCK_FILE
from rag.store.writing import Writing
from tests.conformance.store import ALL, found_dense, found_lexical, put
from tests.stand_in import StandIn, article, indexed
from tests.store.conftest import NAMES, opened, state


def test_the_same_articles_in_another_order_have_the_same_digest(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        put(one, [article(name, path=f"here/{name}") for name in NAMES])
        for name in reversed(NAMES):
            put(two, [article(name, path=f"there/{name}")])
        assert one.manifest.digest == two.manifest.digest
        put(two, [article(NAMES[0], url="https://example.org")])
        assert one.manifest.digest != two.manifest.digest


def test_the_manifest_file_tells_what_the_index_holds(folder: Path) -> None:
    record = json.loads((folder / opening.MANIFEST_FILE).read_text(encoding="utf-8"))
    with opened(folder) as store:
        assert record == store.manifest.model_dump()
    assert record["articles"] == len(NAMES)
    assert record["model"]["name"] == "stand-in"


def test_making_an_index_where_one_is_opens_it(folder: Path) -> None:
    with opened(folder) as store:
        assert store.manifest.articles == len(NAMES)


def test_a_writer_killed_before_the_sync_loses_nothing(folder: Path) -> None:
    store = EmbeddedStore.open(folder)
    store.write([indexed(article("late"))], [NAMES[0]])
    store.write([indexed(article("later"))])
    store.close()  # without sync: the derived indexes still hold the state before
    with opened(folder) as mended:
        assert found_dense(mended) == found_lexical(mended) == {*NAMES[1:], "late", "later"}
        assert json.loads((folder / opening.MANIFEST_FILE).read_text()) == mended.manifest.model_dump()


def test_an_older_catalog_put_back_wins_over_what_is_derived(folder: Path) -> None:
    before = state(folder)
    kept = (folder / opening.CATALOG_FILE).read_bytes()
    with opened(folder) as store:
        put(store, [article("later")], [NAMES[0]])
    (folder / opening.CATALOG_FILE).write_bytes(kept)
    assert state(folder) == before


def test_a_write_that_fails_midway_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(folder)
    store = EmbeddedStore.open(folder)
    put_one = Writing._put

    def fail_on_the_second(writing: Writing, item: Any) -> None:
        if item.article.id == "second":
            raise sqlite3.OperationalError("disk I/O error")
        put_one(writing, item)

    monkeypatch.setattr(Writing, "_put", fail_on_the_second)
    with pytest.raises(IndexDamaged, match="disk I/O error"):
        store.write([indexed(article("first")), indexed(article("second"))], [NAMES[0]])
    assert store.manifest == before[0]
    monkeypatch.undo()
    put(store, [])
    store.close()
    assert state(folder) == before


def test_an_interrupted_write_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(folder)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(folder) as store:
        monkeypatch.setattr(Writing, "_put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.write([indexed(article("first"))], [NAMES[0]])
        monkeypatch.undo()
    assert state(folder) == before


def test_a_sync_that_fails_is_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with opened(folder) as store:
        store.write([indexed(article("later"))])
        monkeypatch.setattr(LexicalIndex, "change", full)
        with pytest.raises(NoSpace, match="no space left"):
            store.sync()
        monkeypatch.undo()
        store.sync()
        assert found_dense(store) == found_lexical(store) == {*NAMES, "later"}


@pytest.fixture
def other_writer(folder: Path) -> Iterator[None]:
    """Another writer at work in the folder."""
    with filelock.FileLock(folder / LOCK_FILE):
        yield


@pytest.mark.usefixtures("other_writer")
def test_a_second_writer_is_told(folder: Path) -> None:
    with closing(EmbeddedStore.open(folder, lock_seconds=0.01)) as store:
        with pytest.raises(IndexBusy, match="another process"):
            store.write([indexed(article("x"))])
        with pytest.raises(IndexBusy, match="another process"):
            store.sync()
        assert found_dense(store) == found_lexical(store) == set(NAMES)


def test_a_reader_beside_a_writer_that_does_not_sync_sees_the_state_after(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_PATIENCE_SECONDS", 0.05)
    with opened(folder) as writer:
        writer.write([indexed(article("later"))], [NAMES[0]])
        with filelock.FileLock(folder / LOCK_FILE), opened(folder) as reader:
            assert found_dense(reader) == found_lexical(reader) == set(reader.digests()) == {*NAMES[1:], "later"}
        writer.sync()
        put(writer, [article("last")])
        assert found_dense(writer) == found_lexical(writer) == {*NAMES[1:], "later", "last"}


def test_two_stores_read_and_write_one_folder(folder: Path) -> None:
    with opened(folder) as one, opened(folder) as two:
        assert found_dense(one) == found_dense(two) == set(NAMES)
        put(one, [article("by one")])
        put(two, [article("by two")], [NAMES[0]])
        one.sync()
        for store in (one, two):
            assert found_dense(store) == found_lexical(store) == {*NAMES[1:], "by one", "by two"}
            assert store.manifest.articles == len(NAMES) + 1
        assert one.manifest == two.manifest


def test_a_long_row_of_ties_is_cut_by_key(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as store:
        for batch in range(3):
            put(store, [article(f"a{batch}{n:02}", "The walrus sang.") for n in range(30)])
        keys = sorted(key for key, _ in store.matching(["walrus"], 90, ALL))
        assert len(keys) == 90
        assert [key for key, _ in store.matching(["walrus"], 5, ALL)] == keys[:5]
        assert [key for key, _ in store.nearest(StandIn().encode_query("The walrus sang."), 5, ALL)] == keys[:5]
