"""Exporting and importing: a whole index in one file, which nothing but a sound index gets out of."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from rag.errors import BadInput, IndexBusy, IndexDamaged, IndexMissing, IndexTooNew, NoSpace, RagError
from rag.store import EmbeddedStore, archive, incoming, salvage
from rag.store.archive import export_index, import_index
from rag.store.catalog import Catalog
from rag.store.verify import verify
from tests.conformance.store import found_dense, found_lexical, put
from tests.stand_in import article, indexed
from tests.store.conftest import NAMES, opened, state
from tests.store.damage import CATALOG, copied, fill, sql, told

FORMAT_1 = Path(__file__).parent / "formats" / "1"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that tests read."""
    folder = tmp_path_factory.mktemp("whole") / "index"
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def exported(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of it that tests read."""
    path = tmp_path_factory.mktemp("exported") / "index.tar.zst"
    export_index(whole, path)
    return path


def members(path: Path) -> dict[str, bytes]:
    """What is in an archive, as other tools read it."""
    with zstandard.open(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one)) is not None}


def packed(
    path: Path, files: list[tuple[str, bytes]], change: Callable[[tarfile.TarInfo], None] = lambda _: None
) -> Path:
    """An archive of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            change(entry)
            tar.addfile(entry, io.BytesIO(data))
    path.write_bytes(zstandard.compress(content.getvalue()))
    return path


def note_of(files: dict[str, bytes], **changes: Any) -> bytes:
    """What an archive says of itself, with the sizes and hashes that its files have."""
    note = json.loads(files["export.json"])
    note["files"] = [
        {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
        if name != "export.json"
    ]
    return json.dumps(note | changes).encode()


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_what_comes_out_is_what_went_in(whole: Path, exported: Path, tmp_path: Path) -> None:
    manifest = import_index(exported, tmp_path / "new")
    earlier = copied(whole, tmp_path / "before")
    with opened(earlier) as store:
        assert manifest.digest == store.manifest.digest
        assert manifest.generation == store.manifest.generation
    assert told(tmp_path / "new") == told(earlier)
    assert [key for key, _ in state(tmp_path / "new")[3]] == [key for key, _ in state(earlier)[3]]  # type: ignore[attr-defined]
    assert not verify(tmp_path / "new").faults
    shutil.rmtree(tmp_path / "before")
    assert nothing_but(tmp_path, "new")


def test_an_archive_is_read_by_other_tools_and_tells_nothing_of_where_it_was_made(exported: Path, whole: Path) -> None:
    with zstandard.open(exported, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        entries = list(tar)
    assert [entry.name for entry in entries] == ["export.json", "manifest.json", CATALOG]
    assert {(entry.mtime, entry.uid, entry.uname, entry.type) for entry in entries} == {(0, 0, "", tarfile.REGTYPE)}
    files = members(exported)
    note = json.loads(files["export.json"])
    assert {one["name"]: one["sha256"] for one in note["files"]} == {
        name: hashlib.sha256(files[name]).hexdigest() for name in ("manifest.json", CATALOG)
    }
    assert json.loads(files["manifest.json"])["digest"] == note["digest"]
    assert str(whole).encode() not in b"".join(files.values())


def test_what_was_removed_is_not_in_an_export(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as store:
        put(store, [article("secret", "The walrus confided in nobody."), article("other")])
        put(store, [], ["secret"])
    export_index(tmp_path / "index", tmp_path / "file")
    assert b"walrus" not in members(tmp_path / "file")[CATALOG]


def test_an_export_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as store:
        put(store, [article(name) for name in NAMES])
        digest = store.manifest.digest
        with store.catalog.transaction() as db:
            db.execute("DELETE FROM vectors")
            assert export_index(tmp_path / "index", tmp_path / "file").digest == digest
            db.execute("ROLLBACK")
            db.execute("BEGIN")
        store.write([indexed(article("later"))])
        assert export_index(tmp_path / "index", tmp_path / "file", force=True).digest == store.manifest.digest
    import_index(tmp_path / "file", tmp_path / "new")
    with opened(tmp_path / "new") as store:
        assert found_dense(store) == found_lexical(store) == {*NAMES, "later"}


def test_a_file_that_is_there_is_not_replaced_unasked(exported: Path, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(BadInput, match="there already"):
        export_index(whole, path)
    assert path.read_text() == "mine"
    export_index(whole, path, force=True)
    assert members(path)["manifest.json"] == members(exported)["manifest.json"]
    assert nothing_but(tmp_path, "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="folder"):
        export_index(whole, tmp_path / "folder", force=True)
    with pytest.raises(BadInput, match="cannot be written"):
        export_index(whole, tmp_path / "nowhere" / "file")
    with pytest.raises(IndexMissing):
        export_index(tmp_path / "nothing", tmp_path / "other")


def test_a_damaged_index_is_not_exported(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "index")
    sql("UPDATE vectors SET data = zeroblob(68) WHERE passage = 8")(folder)
    with pytest.raises(IndexDamaged, match="vector") as caught:
        export_index(folder, tmp_path / "file")
    assert "repair" in caught.value.remedy
    assert nothing_but(tmp_path, "index")


def test_a_full_disk_leaves_no_half_export(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def full_for_sqlite(*_: object) -> None:
        raise NoSpace("no space left")

    for where, name, fails in ((archive, "_write", full), (Catalog, "copy_to", full_for_sqlite)):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, fails)
            with pytest.raises(NoSpace, match="file"):
                export_index(whole, tmp_path / "file")
        assert nothing_but(tmp_path)


def test_an_index_that_is_there_is_not_replaced_unasked(exported: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "index") as store:
        put(store, [article("mine")])
    before = told(tmp_path / "index")
    with pytest.raises(BadInput, match="already") as caught:
        import_index(exported, tmp_path / "index")
    assert "--force" in caught.value.remedy
    assert told(tmp_path / "index") == before


def test_an_index_is_replaced_when_asked_for_and_other_files_stay(exported: Path, whole: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "index") as store:
        for number in range(20):
            put(store, [article(f"old{number}")])
        generation = store.manifest.generation
    (tmp_path / "index" / "README.md").write_text("mine")
    manifest = import_index(exported, tmp_path / "index", force=True)
    assert manifest.generation > generation  # whoever has the old one open must not take the new one for it
    assert told(tmp_path / "index") == told(copied(whole, tmp_path / "before"))
    assert not verify(tmp_path / "index").faults
    assert (tmp_path / "index" / "README.md").read_text() == "mine"


def test_a_damaged_index_can_be_replaced(exported: Path, whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "index")
    (folder / CATALOG).write_bytes(b"garbage" * 1000)
    import_index(exported, folder, force=True)
    assert not verify(folder).faults


def test_a_folder_with_other_files_takes_an_index_in(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "README.md").write_text("mine")
    import_index(exported, tmp_path / "index")
    assert not verify(tmp_path / "index").faults
    assert (tmp_path / "index" / "README.md").exists()


def test_an_import_that_is_killed_leaves_the_old_index_or_the_new_one(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    with opened(folder) as store:
        put(store, [article("mine")])
        put(store, [article("mine too")])
    before = told(folder)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for target in (
        "rag.store.incoming.verify",
        "rag.store.incoming.EmbeddedStore.open",
        "rag.store.incoming._finish_log",
        "rag.store.salvage.put_in_place",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, killed)
            with pytest.raises(KeyboardInterrupt):
                import_index(exported, folder, force=True)
        assert told(folder) == before
        assert nothing_but(tmp_path, "index")


def test_an_import_killed_between_its_last_steps_is_a_whole_index(
    exported: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    with opened(folder) as store:
        put(store, [article("mine")])
    place = salvage.put_in_place

    def killed(*arguments: Any, **names: Any) -> None:
        place(*arguments, **names)
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.store.salvage.put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        import_index(exported, folder, force=True)
    assert told(folder) == told(copied(whole, tmp_path / "before"))
    with opened(folder) as store:
        store.sync()
    assert not verify(folder).faults


def test_what_a_killed_import_left_is_taken_away_by_the_next_and_a_living_one_left(
    exported: Path, tmp_path: Path
) -> None:
    dead = tmp_path / "index.import-0a0b0c0d"
    dead.mkdir()
    (dead / CATALOG).write_text("half")
    with incoming.arriving(tmp_path / "index") as living:
        assert not dead.exists()
        import_index(exported, tmp_path / "index")
        assert living.exists()
    assert nothing_but(tmp_path, "index")


def test_a_reader_in_the_old_index_goes_on_or_is_waited_for(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "LOCK_SECONDS", 0.05)
    with opened(tmp_path / "index") as reader:
        put(reader, [article(name) for name in NAMES])
        with opened(tmp_path / "index") as writer, reader.reading():
            put(writer, [article("later")])
            with pytest.raises(IndexBusy):
                import_index(exported, tmp_path / "index", force=True)
            assert found_dense(reader) == set(NAMES)
        import_index(exported, tmp_path / "index", force=True)
        assert "later" in set(reader.digests())
    assert not verify(tmp_path / "index").faults


def test_an_older_format_is_brought_to_this_one(exported: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(FORMAT_1 / CATALOG)) as old, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        old.backup(copy)
        written = json.loads(old.execute("SELECT json FROM manifest").fetchone()[0])
    for name in (f"{CATALOG}-wal", f"{CATALOG}-shm"):
        (FORMAT_1 / name).unlink(missing_ok=True)
    files = members(exported) | {"manifest.json": b"{}", CATALOG: (tmp_path / "copy").read_bytes()}
    files["export.json"] = note_of(files, index_format=1, digest=written["digest"])
    import_index(packed(tmp_path / "old", list(files.items())), tmp_path / "new")
    assert set(told(tmp_path / "new")) == {"walrus", "penguin", "undated"}
    assert not verify(tmp_path / "new").faults


def test_a_newer_format_is_refused_by_name(exported: Path, tmp_path: Path) -> None:
    files = members(exported)
    for change in ({"format": 7}, {"index_format": 99}):
        newer = [("export.json", note_of(files, **change)), *list(files.items())[1:]]
        with pytest.raises(IndexTooNew, match=r"7|99"):
            import_index(packed(tmp_path / "newer", newer), tmp_path / "new")
    assert nothing_but(tmp_path, "newer")


def bad(files: dict[str, bytes]) -> dict[str, tuple[list[tuple[str, bytes]], Callable[[tarfile.TarInfo], None]]]:
    """Archives that must not be taken in."""
    note, manifest, catalog = files.items()

    def plain(_: tarfile.TarInfo) -> None:
        pass

    def kind(of: bytes) -> Callable[[tarfile.TarInfo], None]:
        def change(entry: tarfile.TarInfo) -> None:
            if entry.name == CATALOG:
                entry.type, entry.linkname = of, "/etc/passwd"

        return change

    def renamed(name: str) -> tuple[str, bytes]:
        return (name, catalog[1])

    other = dict(files) | {CATALOG: b"SQLite format 3\0" + b"\1" * 9_000}
    view = sqlite3.connect(":memory:")
    view.deserialize(catalog[1])
    view.execute("CREATE TRIGGER t AFTER INSERT ON articles BEGIN DELETE FROM removed; END")
    triggered = dict(files) | {CATALOG: view.serialize()}
    view.close()
    lied = json.loads(note[1])
    lied["files"][1]["size"] -= 1
    huge = json.loads(note[1])
    huge["files"][1]["size"] = 2**40
    return {
        "empty": ([], plain),
        "no note": ([manifest, catalog], plain),
        "other order": ([note, catalog, manifest], plain),
        "a member more": ([note, manifest, catalog, ("more", b"x")], plain),
        "twice": ([note, manifest, catalog, catalog], plain),
        "no catalog": ([note, manifest], plain),
        "up": ([note, manifest, renamed("../catalog.sqlite")], plain),
        "absolute": ([note, manifest, renamed("/srv/catalog.sqlite")], plain),
        "below": ([note, manifest, renamed("dense/catalog.sqlite")], plain),
        "long name": ([note, manifest, renamed("c" * 300)], plain),
        "symbolic link": ([note, manifest, catalog], kind(tarfile.SYMTYPE)),
        "hard link": ([note, manifest, catalog], kind(tarfile.LNKTYPE)),
        "folder": ([note, manifest, catalog], kind(tarfile.DIRTYPE)),
        "device": ([note, manifest, catalog], kind(tarfile.CHRTYPE)),
        "sparse": ([note, manifest, catalog], kind(tarfile.GNUTYPE_SPARSE)),
        "note of another": ([("export.json", b"{}"), manifest, catalog], plain),
        "note no JSON": ([("export.json", b"[" * 100_000), manifest, catalog], plain),
        "note too long": ([("export.json", b" " * (2 << 20)), manifest, catalog], plain),
        "size": ([("export.json", json.dumps(lied).encode()), manifest, catalog], plain),
        "bomb": ([("export.json", json.dumps(huge).encode()), manifest, catalog], plain),
        "hash": ([note, manifest, (CATALOG, catalog[1][:-1] + b"x")], plain),
        "digest": ([("export.json", note_of(files, digest="0" * 64)), manifest, catalog], plain),
        "no catalog in it": ([("export.json", note_of(other)), manifest, (CATALOG, other[CATALOG])], plain),
        "trigger": ([("export.json", note_of(triggered)), manifest, (CATALOG, triggered[CATALOG])], plain),
    }


BAD = [
    "empty", "no note", "other order", "a member more", "twice", "no catalog", "up", "absolute", "below", "long name",
    "symbolic link", "hard link", "folder", "device", "sparse", "note of another", "note no JSON", "note too long", "size",
    "bomb", "hash", "digest", "no catalog in it", "trigger",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sound_export_is_refused_and_leaves_nothing(exported: Path, tmp_path: Path, name: str) -> None:
    archives = bad(members(exported))
    assert set(archives) == set(BAD)
    path = packed(tmp_path / "file", *archives[name])
    with pytest.raises((BadInput, IndexDamaged), match="file") as caught:
        import_index(path, tmp_path / "new")
    assert caught.value.remedy
    assert nothing_but(tmp_path, "file")


def test_a_catalog_with_a_fault_is_refused(exported: Path, tmp_path: Path) -> None:
    files = members(exported)
    damage = sqlite3.connect(":memory:")
    damage.deserialize(files[CATALOG])
    damage.execute("UPDATE articles SET text = 'Nobody said that.' WHERE id = 'n04'")
    damage.commit()
    files[CATALOG] = damage.serialize()
    damage.close()
    files["export.json"] = note_of(files)
    with pytest.raises(BadInput, match="n04"):
        import_index(packed(tmp_path / "file", list(files.items())), tmp_path / "new")
    assert nothing_but(tmp_path, "file")


def test_a_file_that_is_cut_off_or_lost_a_byte_is_refused(exported: Path, tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    data, path = exported.read_bytes(), tmp_path / "file"
    cuts = [data[: chance.randrange(len(data))] for _ in range(15)]
    changed = [bytearray(data) for _ in range(25)]
    for one in changed:
        one[chance.randrange(len(one))] ^= 1 << chance.randrange(8)
    for content in (*cuts, *map(bytes, changed), data + b"garbage", data + data, b"", b"garbage" * 99):
        path.write_bytes(content)
        with pytest.raises(RagError, match="file"):
            import_index(path, tmp_path / "new")
        assert nothing_but(tmp_path, "file")


def test_a_large_window_is_not_allocated(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    content = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(b"\0" * 10_000)
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BadInput, match="not a sound export"):
        import_index(tmp_path / "file", tmp_path / "new")


def test_a_disk_that_is_too_small_is_told_beforehand(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(NoSpace, match="unpacks into"):
        import_index(exported, tmp_path / "new")
    assert nothing_but(tmp_path)


def test_what_cannot_be_a_place_is_refused(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(IndexDamaged, match="is a file"):
        import_index(exported, tmp_path / "file")
    with pytest.raises(BadInput, match="not a file"):
        import_index(tmp_path, tmp_path / "new")
    assert EmbeddedStore.exists(tmp_path) is False
    assert nothing_but(tmp_path, "file")
