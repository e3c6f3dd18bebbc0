"""An index of every earlier format opens, with everything in it, or stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import IndexBusy, IndexDamaged, IndexTooNew, NoSpace
from rag.store import FORMAT, EmbeddedStore, Manifest, opening, rows
from rag.store.archive import export_index
from rag.store.lock import WriterLock
from rag.store.repair import repair
from rag.store.verify import verify
from tests.conformance.store import ALL, found_dense, found_lexical, put
from tests.stand_in import article, indexed
from tests.store.conftest import opened
from tests.store.damage import CATALOG, again, mended, rows_of, sql

LOCATIONS = {
    "files/walrus.txt": "walrus",
    "files/copy.txt": "walrus",
    "files/news.jsonl#1": "penguin",
    "files/undated.txt": "undated",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An index of format 1: three articles, one of which stands in two places; a fourth was removed."""
    shutil.copytree(Path(__file__).parent / "formats" / "1", tmp_path / "index")
    return tmp_path / "index"


def tables(folder: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    with closing(sqlite3.connect(folder / CATALOG)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608


def test_everything_of_an_index_of_format_1_is_there(old: Path) -> None:
    before = tables(old)
    told: list[str] = []
    with closing(EmbeddedStore.open(old, notice=told.append)) as store:
        manifest = store.manifest
        assert (manifest.format, manifest.articles, manifest.passages, manifest.undated) == (FORMAT, 3, 5, 1)
        assert manifest.generation == 2
        assert manifest.vectors == "float32"
        assert dict(store.locations()) == LOCATIONS
        articles = {one.id: one for one in store.articles(ALL)}
        assert {one.id: one.text for one in articles.values()} == {row[1]: row[3] for row in before["articles"]}
        assert articles["undated"].published is None
        for article_id, found in articles.items():
            wanted = indexed(found).passages
            keys = store.keys(article_id)
            assert list(store.passages(keys).values()) == [one.passage for one in wanted]
            vectors, sentences = store.catalog.vectors(keys), store.sentence_vectors(keys)
            for key, one in zip(keys, wanted, strict=True):
                assert np.allclose(vectors[key], one.vector, atol=1e-6)
                assert np.allclose(sentences[key], one.sentence_vectors, atol=1e-3)
        assert found_dense(store) == {"walrus", "penguin", "undated"}
        assert found_lexical(store, ["walrus"]) == {"walrus"}
    assert told == [f"bringing the index in {old} to format {FORMAT}"]
    assert not verify(old).faults
    assert not list(old.glob("dense.*.faiss"))


def test_keys_that_were_used_before_are_not_used_again(old: Path) -> None:
    before = tables(old)
    used = {row[0] for row in before["passages"]} | {row[0] for row in before["removed"]}
    with opened(old) as store:
        put(store, [article("new"), article("gone")])
        assert not used & {*store.keys("new"), *store.keys("gone")}
        assert store.manifest.generation == 3
    assert not verify(old).faults


def test_it_is_migrated_once(old: Path) -> None:
    with opened(old) as store:
        digest = store.manifest.digest
    told: list[str] = []
    with closing(EmbeddedStore.open(old, notice=told.append)) as store:
        assert store.manifest.digest == digest
    assert not told


def test_the_digest_is_that_of_the_same_articles_added_anew(old: Path, tmp_path: Path) -> None:
    with opened(old) as store, opened(tmp_path / "new") as new:
        put(new, list(store.articles(ALL)))
        assert new.manifest.digest == store.manifest.digest


@pytest.mark.parametrize("error", [KeyboardInterrupt, sqlite3.OperationalError("disk I/O error"), MemoryError])
def test_a_migration_that_is_killed_leaves_the_old_format(
    old: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    before = tables(old)
    for module, name in (
        (rows, "sealed"),
        (rows, "article_sha256"),
        (Manifest, "model_dump_json"),
    ):
        with monkeypatch.context() as patch:

            def killed(*_: object, **__: object) -> None:
                raise error

            patch.setattr(module, name, killed)
            with pytest.raises((KeyboardInterrupt, IndexDamaged, MemoryError)):
                EmbeddedStore.open(old)
        assert tables(old) == before
    assert list(old.glob("dense.*.faiss"))
    with opened(old) as store:
        assert found_dense(store) == {"walrus", "penguin", "undated"}


def test_a_kill_after_the_migration_leaves_nothing_behind_for_long(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            EmbeddedStore.open(old)
    assert "file" in {fault.part for fault in verify(old).faults}
    assert not mended(old).verified.faults
    assert not list(old.glob("dense.*.faiss"))


def test_where_nothing_can_be_written_it_is_said_what_to_do(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "is_writable", lambda _: False)
        with pytest.raises(IndexDamaged, match="permission denied") as caught:
            EmbeddedStore.open(old)
        assert "rag migrate" in caught.value.remedy
        assert str(old) in caught.value.message

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "held", full)
        with pytest.raises(NoSpace):
            EmbeddedStore.open(old)
    assert tables(old) == before


def test_another_writer_is_not_disturbed(old: Path) -> None:
    with WriterLock(old, 0).held(), pytest.raises(IndexBusy):
        EmbeddedStore.open(old, lock_seconds=0.01)


def test_an_older_format_is_named_by_verify_and_migrated_by_repair(old: Path, tmp_path: Path) -> None:
    before = tables(old)
    found = verify(old)
    assert [(fault.part, fault.what) for fault in found.faults] == [("catalog", "it has format 1")]
    assert "rag migrate" in found.faults[0].remedy
    with pytest.raises(Exception, match="rag migrate"):
        export_index(old, tmp_path / "file")
    assert tables(old) == before
    assert not repair(old, again=again).verified.faults
    with opened(old) as store:
        assert dict(store.locations()) == LOCATIONS


def test_a_newer_format_is_refused_by_name(old: Path, tmp_path: Path) -> None:
    with opened(old):
        pass
    with rows_of(old) as db:
        db.execute("CREATE TABLE new_in_3 (x)")
        db.execute("UPDATE manifest SET json = replace(json, '\"format\":2', '\"format\":3')")
    before = tables(old)
    for refusing in (EmbeddedStore.open, verify, repair, lambda folder: export_index(folder, tmp_path / "file")):
        with pytest.raises(IndexTooNew, match="format 3") as caught:
            refusing(old)
        assert "Upgrade" in caught.value.remedy
    assert tables(old) == before


def test_a_manifest_that_cannot_be_read_is_not_migrated(old: Path) -> None:
    sql("UPDATE manifest SET json = '{\"format\": 1}'")(old)
    before = tables(old)
    with pytest.raises(IndexDamaged, match="manifest"):
        EmbeddedStore.open(old)
    assert tables(old) == before
