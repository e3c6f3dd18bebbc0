"""Verifying finds whatever is not as it was written, says what mends it, and changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from rag.errors import IndexBusy, IndexDamaged, IndexMissing, IndexTooNew
from rag.store import EmbeddedStore, dense
from rag.store.lock import LOCK_FILE
from rag.store.verify import Fault, verify
from tests.conformance.store import put
from tests.stand_in import StandIn, article, indexed
from tests.store.conftest import CHUNKER, opened, state
from tests.store.damage import CATALOG, copied, fill, flip, flips, rows_of, sql

OUR_OWN = ("-wal", "-shm", ".lock")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound index. Tests copy it."""
    folder = tmp_path_factory.mktemp("whole") / "index"
    fill(folder)
    return folder


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return copied(whole, tmp_path / "index")


def faults(folder: Path) -> list[Fault]:
    return list(verify(folder).faults)


def test_a_sound_index_has_no_fault(whole: Path) -> None:
    found = verify(whole)
    with opened(whole) as store:
        manifest = store.manifest
    assert (found.articles, found.passages, found.vectors) == (12, manifest.passages, manifest.passages)
    assert not found.faults
    assert not found.unknown


def test_an_empty_index_is_sound(tmp_path: Path) -> None:
    with opened(tmp_path / "index"):
        pass
    assert verify(tmp_path / "index") == (0, 0, 0, (), ())


def test_verifying_changes_no_file(damaged: Path) -> None:
    with opened(damaged) as store:
        store.write([indexed(article("not caught up"))])
    (damaged / "manifest.json").write_text("{}")

    def contents() -> dict[str, bytes]:
        files = (path for path in damaged.rglob("*") if path.is_file() and not path.name.endswith(OUR_OWN))
        return {path.name: path.read_bytes() for path in files}

    before = contents()
    assert faults(damaged)
    assert contents() == before


ROWS: dict[str, tuple[str, str, str | None, str]] = {
    "text": ("UPDATE articles SET text = replace(text, 'Geneva', 'Vienna') WHERE id = 'n02'", "article", "n02", "take"),
    "record": ("UPDATE articles SET record = replace(record, 'On n02', 'On n03') WHERE id = 'n02'", "article", "n02", "take"),
    "no JSON": ("UPDATE articles SET record = '{' WHERE id = 'n02'", "article", "n02", "take"),
    "id": ("UPDATE articles SET id = 'm02' WHERE id = 'n02'", "article", "n02", "right"),
    "source": ("UPDATE articles SET source = 'axios' WHERE id = 'n03'", "article", "n03", "right"),
    "first day": ("UPDATE articles SET first_day = 5 WHERE id = 'n03'", "article", "n03", "right"),
    "last day": ("UPDATE articles SET last_day = NULL WHERE id = 'n03'", "article", "n03", "right"),
    "digest": ("UPDATE articles SET digest = 'x' WHERE id = 'n03'", "article", "n03", "right"),
    "first passage": ("UPDATE articles SET first_passage = first_passage + 1 WHERE id = 'n03'", "article", "n03", "right"),
    "number of passages": ("UPDATE articles SET passages = passages - 1 WHERE id = 'n04'", "article", "n04", "right"),
    "no number": ("UPDATE articles SET passages = 'many' WHERE id = 'n04'", "article", "n04", "right"),
    "whose passage": ("UPDATE passages SET article = 1 WHERE id = 'n04#1'", "article", "n04", "right"),
    "start": ("UPDATE passages SET start = start + 1 WHERE id = 'n04#1'", "passage", "n04", "embeds"),
    "sentences": ("UPDATE passages SET sentences = '[]' WHERE id = 'n04#1'", "passage", "n04", "embeds"),
    "passage id": ("UPDATE passages SET id = 'n04#2' WHERE id = 'n04#1'", "passage", "n04", "embeds"),
    "passage": ("DELETE FROM passages WHERE id = 'n04#1'", "passage", "n04", "embeds"),
    "vector": ("UPDATE vectors SET data = zeroblob(68) WHERE passage = (SELECT key FROM passages WHERE id = 'n04#1')", "vector", "n04", "embeds"),
    "vector's size": ("UPDATE vectors SET data = x'00' WHERE passage = (SELECT key FROM passages WHERE id = 'n04#1')", "vector", "n04", "embeds"),
    "no vector": ("DELETE FROM vectors WHERE passage = (SELECT key FROM passages WHERE id = 'n04#1')", "vector", "n04", "embeds"),
    "no sentence vectors": ("DELETE FROM sentence_vectors WHERE passage = (SELECT key FROM passages WHERE id = 'n04#1')", "vector", "n04", "embeds"),
    "location": ("UPDATE locations SET article = 999 WHERE location = 'n04'", "catalog", None, "location"),
    "nowhere": ("DELETE FROM locations WHERE location = 'n04'", "catalog", "n04", "location"),
    "loose passage": ("INSERT INTO passages SELECT 99, article, id, start, end, sentences, crc, 1 FROM passages LIMIT 1", "catalog", None, "out"),
    "next key": ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'passages'", "catalog", None, "right"),
    "next key gone": ("DELETE FROM sqlite_sequence WHERE name = 'passages'", "catalog", None, "right"),
    "count": ("UPDATE manifest SET json = replace(json, '\"articles\":12', '\"articles\":13')", "manifest", None, "right"),
    "contents": ("UPDATE manifest SET contents = zeroblob(2048)", "manifest", None, "right"),
    "manifest": ("UPDATE manifest SET json = '{}'", "manifest", None, "anew"),
    "no manifest": ("DELETE FROM manifest", "manifest", None, "anew"),
    "a table more": ("CREATE TABLE more (x)", "catalog", None, "new catalog"),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON articles BEGIN DELETE FROM removed; END", "catalog", None, "new catalog"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "part", "article_id", "remedy"), ROWS.values(), ids=ROWS.keys())
def test_every_row_is_held_against_the_others(
    damaged: Path, statement: str, part: str, article_id: str | None, remedy: str
) -> None:
    sql(statement)(damaged)
    found = faults(damaged)
    assert any(fault.part == part and fault.article_id == article_id and remedy in fault.remedy for fault in found), (
        found
    )
    assert all(fault.what and fault.remedy for fault in found)


def test_a_passage_that_was_written_wrong_is_found_though_its_check_fits(damaged: Path) -> None:
    from rag.store import rows

    with rows_of(damaged) as db:
        place = db.execute("SELECT id, start, end, sentences FROM passages WHERE id = 'n04#1'").fetchone()
        beyond = (place[0], place[1], 10_000, place[3])
        db.execute("UPDATE passages SET end = 10000, crc = ? WHERE id = 'n04#1'", [rows.passage_crc(*beyond)])
    assert ("passage", "n04") in {(fault.part, fault.article_id) for fault in faults(damaged)}


def test_a_vector_that_is_not_of_length_1_is_found_though_its_check_fits(damaged: Path) -> None:
    import numpy as np

    from rag.store import rows

    with rows_of(damaged) as db:
        for key, number in ((5, np.nan), (6, 1.0)):
            db.execute(
                "UPDATE vectors SET data = ? WHERE passage = ?",
                [rows.sealed(np.full(16, number, np.float32), "<f4"), key],
            )
    assert [fault.part for fault in faults(damaged)].count("vector") == 2


def no_file(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for path in folder.glob(name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for path in folder.glob(name):
            path.write_bytes(path.read_bytes()[:-20])

    return damage


def rename(folder: Path) -> None:
    for path in (folder / "dense").glob("*.exact"):
        path.rename(path.with_name(f"x{path.name}"))


def of_state(**changes: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "dense" / "state.json"
        record = json.loads(path.read_text())
        record["segments"][0] |= changes
        path.write_text(json.dumps(record))

    return damage


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no dense index": (no_file("dense"), "dense"),
    "no state": (no_file("dense/state.json"), "dense"),
    "no segment": (no_file("dense/*.exact"), "dense"),
    "segment cut": (cut("dense/*.exact"), "dense"),
    "segment renamed": (rename, "dense"),
    "last key": (of_state(last_key=1), "dense"),
    "lists": (of_state(probes=3), "dense"),
    "no lexical index": (no_file("terms"), "lexical"),
    "no list of segments": (no_file("terms/meta.json"), "lexical"),
    "postings cut": (cut("terms/*.idx"), "lexical"),
    "no positions": (no_file("terms/*.pos"), "lexical"),
    "no manifest file": (no_file("manifest.json"), "manifest"),
    "manifest file cut": (cut("manifest.json"), "manifest"),
}


@pytest.mark.parametrize(("damage", "part"), FILES.values(), ids=FILES.keys())
def test_every_file_is_held_against_the_catalog(damaged: Path, damage: Callable[[Path], None], part: str) -> None:
    damage(damaged)
    found = faults(damaged)
    assert found
    assert {fault.part for fault in found} <= {part, "file"}
    assert all("repair" in fault.remedy for fault in found)


def test_vectors_that_are_not_those_of_the_catalog_are_found(damaged: Path) -> None:
    with opened(damaged) as store:
        catalog, index = store.catalog, store.derived.dense
        wrong = [(keys, vectors[::-1].copy()) for keys, vectors in catalog.vectors_after(0, 10_000)]
        infos = [index._exact(keys, vectors, int(keys[-1])) for keys, vectors in wrong]
        index._save(index.generation, infos)
        index.refresh()
        index.clear_away()
        dense.replace(damaged / "manifest.json", (store.manifest.model_dump_json() + "\n").encode())
    assert [fault.part for fault in faults(damaged)] == ["dense"]


def test_passages_that_a_derived_index_lacks_or_has_twice_are_found(damaged: Path) -> None:
    with opened(damaged) as store:
        catalog, index, words = store.catalog, store.derived.dense, store.derived.lexical
        keys, vectors = next(catalog.vectors_after(0, 10_000))
        parts = [
            index._exact(keys[1:5], vectors[1:5], int(keys[4])),
            index._exact(keys[3:], vectors[3:], int(keys[-1])),
        ]
        index._save(index.generation, parts)
        index.refresh()
        index.clear_away()
        dense.replace(damaged / "manifest.json", (store.manifest.model_dump_json() + "\n").encode())
        words.change(store.manifest.generation, [int(keys[0])], [])
    found = faults(damaged)
    assert [fault.part for fault in found] == ["dense", "dense", "lexical"]
    assert "1 vectors" in found[0].what
    assert "2 vectors" in found[1].what


def test_what_lags_is_said_to_be_caught_up(damaged: Path) -> None:
    with opened(damaged) as store:
        store.write([indexed(article("killed before the sync"))])
    found = {fault.part: fault.remedy for fault in faults(damaged)}
    assert set(found) == {"dense", "lexical", "manifest"}
    assert "catches it up" in found["dense"]
    assert "catches it up" in found["lexical"]
    with opened(damaged):
        pass
    assert not faults(damaged)


def test_derived_indexes_that_are_ahead_tell_of_a_loss(damaged: Path) -> None:
    kept = (damaged / CATALOG).read_bytes()
    with opened(damaged) as store:
        put(store, [article("lost with the catalog")])
    (damaged / CATALOG).write_bytes(kept)
    assert any("written last is not in the catalog" in fault.what for fault in faults(damaged))


def test_files_left_behind_are_named_and_others_left_alone(damaged: Path) -> None:
    left = ["dense.7.faiss", "manifest.json.tmp", "dense/9-0a0b0c0d.exact", "dense/state.json.tmp"]
    unknown = ["notes.txt", "dense/notes.txt", "terms/notes.txt"]
    for name in (*left, *unknown, "README.md"):
        (damaged / name).write_text("")
    found = verify(damaged)
    assert [fault.part for fault in found.faults] == ["file"] * len(left)
    assert all(any(name in fault.what for fault in found.faults) for name in left)
    assert sorted(found.unknown) == sorted(unknown)


def test_a_catalog_that_is_no_database_is_named(damaged: Path) -> None:
    path = damaged / CATALOG
    for data in (b"garbage" * 9_000, b"", path.read_bytes()[:50], b"\0" * 100 + path.read_bytes()[100:]):
        path.write_bytes(data)
        assert {fault.part for fault in faults(damaged)} == {"catalog"}


def test_a_log_that_lost_a_byte_is_named(damaged: Path) -> None:
    with opened(damaged) as store:
        for number in range(3):
            put(store, [article(f"in the log {number}")])
        shutil.copy(damaged / f"{CATALOG}-wal", damaged / "log")  # closing would empty it
    before = faults(damaged)
    shutil.copy(damaged / "log", damaged / f"{CATALOG}-wal")
    (damaged / "log").unlink()
    assert before == faults(damaged) == []
    flip(damaged / f"{CATALOG}-wal", 40 + 24 + 16_384)
    assert "log is damaged" in faults(damaged)[0].what


def test_what_is_no_index_of_ours_is_refused_by_name(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no index"):
        verify(tmp_path / "nowhere")
    with rows_of(damaged) as db:
        db.execute("CREATE TABLE new_in_99 (x)")
        db.execute("UPDATE manifest SET json = replace(json, '\"format\":2', '\"format\":99')")
    with pytest.raises(IndexTooNew, match="99"):
        verify(damaged)
    (damaged / CATALOG).unlink()
    with pytest.raises(IndexDamaged, match="lost"):
        verify(damaged)


def test_a_writer_is_waited_for(damaged: Path) -> None:
    with filelock.FileLock(damaged / LOCK_FILE), pytest.raises(IndexBusy, match="writing"):
        verify(damaged, lock_seconds=0.01)


def test_a_folder_that_cannot_be_written_can_be_verified(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rag.store.lock.WriterLock._take", refused)
    assert not faults(damaged)


def test_lists_are_held_against_the_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "EXACT_VECTORS", 60)
    texts = [" ".join(f"The {word} of {n} met." for word in ("walrus", "seal", "otter")) for n in range(120)]
    store = EmbeddedStore.create(tmp_path / "index", StandIn().info, CHUNKER)
    put(store, [article(f"a{number}", text) for number, text in enumerate(texts)])
    assert store.manifest.dense.kind == "ivf"
    store.close()
    assert not faults(tmp_path / "index")
    path = next((tmp_path / "index" / "dense").glob("*.ivf"))
    flip(path, path.stat().st_size - 100)
    assert {fault.part for fault in faults(tmp_path / "index")} == {"dense"}


PATTERNS = {CATALOG: 40, "manifest.json": 8, "dense/*.exact": 8, "dense/state.json": 15, "terms/*": 30}


@pytest.mark.parametrize(("pattern", "count"), PATTERNS.items(), ids=PATTERNS.keys())
def test_a_flipped_bit_is_found_or_does_not_matter(whole: Path, tmp_path: Path, pattern: str, count: int) -> None:
    before = state(copied(whole, tmp_path / "before"))
    for path, at, bit in flips(whole, pattern, count):
        folder = copied(whole, tmp_path / "flipped")
        flip(folder / path, at, bit)
        if not faults(folder):
            assert state(folder) == before, (path, at, bit)
