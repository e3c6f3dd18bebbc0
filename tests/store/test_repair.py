"""Repairing: what is derived is built again, what can be computed is set right, what is lost is named, and nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from rag.errors import IndexBusy, IndexDamaged, IndexMissing, IndexTooNew, NoSpace
from rag.store import Chunker, EmbeddedStore
from rag.store.lock import LOCK_FILE
from rag.store.pages import Pages
from rag.store.repair import repair
from rag.store.salvage import Salvage
from rag.store.verify import verify
from tests.conformance.store import ALL, found_dense, found_lexical, put
from tests.stand_in import StandIn, article, indexed
from tests.store.conftest import opened, state
from tests.store.damage import (
    CATALOG,
    copied,
    fill,
    flip,
    flips,
    mended,
    pages_lost,
    root_of,
    rows_of,
    sql,
    told,
)
from tests.store.test_verify import FILES


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound index. Tests copy it."""
    folder = tmp_path_factory.mktemp("whole") / "index"
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def tells(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the sound index tells."""
    return told(copied(whole, tmp_path_factory.mktemp("before") / "index"))


@pytest.fixture
def before(tells: dict[str, Any]) -> dict[str, Any]:
    """What the sound index tells, for a test of its own."""
    return dict(tells)


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return copied(whole, tmp_path / "index")


def test_a_sound_index_is_left_as_it_is(damaged: Path) -> None:
    earlier = state(damaged)
    assert mended(damaged)[:2] == ((), ())
    assert state(damaged) == earlier


COMPUTED = {
    "id": "UPDATE articles SET id = 'm02' WHERE id = 'n02'",
    "source": "UPDATE articles SET source = 'axios' WHERE id = 'n03'",
    "days": "UPDATE articles SET first_day = 5, last_day = NULL WHERE id = 'n03'",
    "digest": "UPDATE articles SET digest = 'x' WHERE id = 'n03'",
    "first passage": "UPDATE articles SET first_passage = first_passage + 1 WHERE id = 'n03'",
    "number of passages": "UPDATE articles SET passages = passages - 1 WHERE id = 'n04'",
    "no number": "UPDATE articles SET passages = 'many' WHERE id = 'n04'",
    "whose passage": "UPDATE passages SET article = 1 WHERE id = 'n04#1'",
    "next key": "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'passages'",
    "next key gone": "DELETE FROM sqlite_sequence WHERE name = 'passages'",
    "counts": "UPDATE manifest SET json = replace(json, '\"articles\":12', '\"articles\":13')",
    "contents": "UPDATE manifest SET contents = zeroblob(2048)",
    "manifest": "UPDATE manifest SET json = '{}'",
    "no manifest": "DELETE FROM manifest",
    "generation too low": "UPDATE manifest SET json = replace(json, '\"generation\":14', '\"generation\":4')",
    "generation too high": "UPDATE manifest SET json = replace(json, '\"generation\":14', '\"generation\":74')",
    "format": "UPDATE manifest SET json = replace(json, '\"format\":2', '\"format\":3')",
    "older format": "UPDATE manifest SET json = replace(json, '\"format\":2', '\"format\":1')",
    "model": "UPDATE manifest SET json = replace(json, 'stand-in', 'stand-on')",
    "dimension": "UPDATE manifest SET json = replace(json, '\"dimension\":16', '\"dimension\":17')",
    "a table more": "CREATE TABLE more (x)",
}


@pytest.mark.parametrize("statement", COMPUTED.values(), ids=COMPUTED.keys())
def test_what_can_be_computed_is_as_it_was(damaged: Path, statement: str) -> None:
    earlier = state(damaged)
    sql(statement)(damaged)
    assert verify(damaged).faults
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert not repaired.lost
    assert repaired.done
    manifest, *rest = state(damaged)
    assert (manifest.model_copy(update={"dense": earlier[0].dense}), *rest[:2]) == earlier[:3]  # type: ignore[attr-defined]
    assert [key for key, _ in rest[2]] == [key for key, _ in earlier[3]]  # type: ignore[attr-defined]


MADE_AGAIN = {
    "start": "UPDATE passages SET start = start + 1 WHERE id = 'n04#1'",
    "sentences": "UPDATE passages SET sentences = '[]' WHERE id = 'n04#1'",
    "passage": "DELETE FROM passages WHERE id = 'n04#1'",
    "last passage": "DELETE FROM passages WHERE id = 'n04#2'",
    "all passages": "DELETE FROM passages WHERE id LIKE 'n04#%'",
    "passages of another": "UPDATE passages SET article = 2, start = start + 1 WHERE id LIKE 'n04#%'",
    "vector": "UPDATE vectors SET data = zeroblob(68) WHERE passage = 8",
    "no vectors": "DELETE FROM vectors",
    "no sentence vectors": "DELETE FROM sentence_vectors WHERE passage < 9",
}


@pytest.mark.parametrize("statement", MADE_AGAIN.values(), ids=MADE_AGAIN.keys())
def test_passages_and_vectors_are_made_again(damaged: Path, before: dict[str, Any], statement: str) -> None:
    sql(statement)(damaged)
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert not repaired.lost
    assert any("embedded again" in line for line in repaired.done)
    assert told(damaged) == before
    with opened(damaged) as store:
        assert found_dense(store) == set(before)

        for key in store.keys("n04"):
            wanted = {one.passage.passage_id: one for one in indexed(before["n04"][0]).passages}
            one = wanted[store.passages([key])[key].passage_id]
            assert np.allclose(store.catalog.vectors([key])[key], one.vector, atol=1e-6)
            assert np.allclose(store.sentence_vectors([key])[key], one.sentence_vectors, atol=1e-3)


def test_without_a_model_what_needs_one_is_named_and_stays(damaged: Path) -> None:
    sql("UPDATE vectors SET data = zeroblob(68) WHERE passage = 8")(damaged)
    repaired = repair(damaged)
    assert [fault.part for fault in repaired.verified.faults] == ["vector"]
    assert "without a model" in repaired.done[0]
    assert not mended(damaged).verified.faults


def test_an_article_that_is_lost_is_taken_out_and_named_with_its_places(damaged: Path, before: dict[str, Any]) -> None:
    with opened(damaged) as store:
        store.write([indexed(before["n02"][0], location="a/copy.txt")])
        store.sync()
    sql("UPDATE articles SET text = replace(text, 'Geneva', 'Vienna') WHERE id = 'n02'")(damaged)
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert repaired.lost == (("n02", ("a/copy.txt", "n02")),)
    del before["n02"]
    assert told(damaged) == before
    with opened(damaged) as store:
        assert (
            found_dense(store)
            == found_lexical(store, ["n01", *(f"n{n:02}" for n in range(2, 12)), "oslo", "late"])
            == set(before)
        )
        assert store.at("n02") is None
        put(store, [before_again := article("n02", "It is back in Geneva.")])
        assert store.article("n02") == before_again


def test_locations_are_set_right(damaged: Path) -> None:
    sql("UPDATE locations SET article = 999 WHERE location = 'n04'", "DELETE FROM locations WHERE location = 'n05'")(
        damaged
    )
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert (None, ("n04",)) in repaired.lost
    with opened(damaged) as store:
        assert store.places("n04") == ["n04"]  # its id, as it stands nowhere else
        assert store.places("n05") == ["n05"]


@pytest.mark.parametrize("damage", [one for one, _ in FILES.values()], ids=FILES.keys())
def test_what_is_derived_is_built_again(damaged: Path, before: dict[str, Any], damage: Callable[[Path], None]) -> None:
    earlier = state(damaged)
    damage(damaged)
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert repaired.done
    assert told(damaged) == before
    assert [key for key, _ in state(damaged)[3]] == [key for key, _ in earlier[3]]  # type: ignore[attr-defined]


def test_nothing_is_embedded_for_what_is_derived(damaged: Path) -> None:
    shutil.rmtree(damaged / "dense")
    shutil.rmtree(damaged / "terms")
    assert not repair(damaged).verified.faults


def test_what_is_left_over_goes_and_what_is_not_known_stays(damaged: Path) -> None:
    for name in ("dense.7.faiss", "manifest.json.tmp", "dense/9-0a0b0c0d.exact", "dense/notes.txt", "terms/notes.txt"):
        (damaged / name).write_text(name)
    (damaged / "notes.txt").write_text("mine")
    (damaged / "terms" / "meta.json").unlink()
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert sorted(repaired.verified.unknown) == ["notes.txt", "set-aside"]
    assert {path.read_text() for path in (damaged / "set-aside").iterdir()} == {"dense/notes.txt", "terms/notes.txt"}
    assert (damaged / "notes.txt").read_text() == "mine"
    assert not list(damaged.glob("dense.*.faiss"))


TABLES = ("manifest", "articles", "passages", "vectors", "sentence_vectors", "removed", "locations", "sqlite_sequence")


@pytest.mark.parametrize("table", TABLES)
def test_a_page_that_is_overwritten_costs_what_was_on_it(damaged: Path, before: dict[str, Any], table: str) -> None:
    pages_lost(damaged, [root_of(damaged, table)])
    if table == "articles":  # all of them are on that page
        with pytest.raises(IndexDamaged, match="nothing can be read"):
            mended(damaged)
        return
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert "catalog.broken-1.sqlite" in repaired.verified.unknown
    after = told(damaged)
    assert {name: one[:2] for name, one in after.items()} == {name: one[:2] for name, one in before.items()}
    assert table == "locations" or after == before


@pytest.mark.parametrize("index", ["sqlite_autoindex_articles_1", "articles_by_day", "locations_by_article"])
def test_indexes_of_the_catalog_are_made_again(damaged: Path, before: dict[str, Any], index: str) -> None:
    pages_lost(damaged, [root_of(damaged, index)])
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert not repaired.lost
    assert told(damaged) == before


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index whose articles are on many pages, some longer than a page."""
    folder = tmp_path_factory.mktemp("large") / "index"
    with opened(folder) as store:
        articles = []
        for number in range(60):
            text = " ".join(f"The walrus {number} sang song {n} in Geneva." for n in range(12))
            articles.append(article(f"w{number:02}", text if number % 20 else text * 20, url="https://example.org"))
        put(store, articles)
        put(store, [article("w03", "It went silent.")], [f"w{number:02}" for number in range(40, 45)])
    return folder


DAMAGE: dict[str, Callable[[Path], None]] = {
    "header": lambda folder: _over(folder, 0, 100),
    "magic": lambda folder: flip(folder / CATALOG, 3),
    "page size": lambda folder: flip(folder / CATALOG, 16, 5),
    "write version": lambda folder: flip(folder / CATALOG, 18, 2),
    "first page": lambda folder: pages_lost(folder, [1]),
    "top of articles": lambda folder: pages_lost(folder, [root_of(folder, "articles")]),
    "top of passages": lambda folder: pages_lost(folder, [root_of(folder, "passages")]),
    "tops of vectors": lambda folder: pages_lost(folder, [root_of(folder, "vectors"), root_of(folder, "sentence_vectors")]),
    "zeros": lambda folder: pages_lost(folder, [root_of(folder, "articles")], b"\0"),
}  # fmt: skip


def _over(folder: Path, start: int, end: int) -> None:
    path = folder / CATALOG
    data = path.read_bytes()
    path.write_bytes(data[:start] + b"\0" * (end - start) + data[end:])


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_articles_are_found_though_nothing_leads_to_them(
    large: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    earlier, folder = told(copied(large, tmp_path / "before")), copied(large, tmp_path / "index")
    damage(folder)
    repaired = mended(folder)
    assert not repaired.verified.faults
    assert not repaired.lost
    assert told(folder) == earlier
    assert (folder / "catalog.broken-1.sqlite").exists()


def test_a_lost_page_of_articles_costs_them_alone_and_they_are_named(large: Path, tmp_path: Path) -> None:
    earlier, folder = told(copied(large, tmp_path / "before")), copied(large, tmp_path / "index")
    pages = Pages(folder / CATALOG)
    leaves = pages.tree(root_of(folder, "articles")).leaves
    gone = [columns[1] for _, columns in pages.rows(leaves[2])]
    pages_lost(folder, [leaves[2]])
    repaired = mended(folder)
    assert not repaired.verified.faults
    assert {one.article_id for one in repaired.lost} == set(gone)
    assert {place for one in repaired.lost for place in one.locations} == set(gone)
    assert told(folder) == {name: one for name, one in earlier.items() if name not in gone}


def test_a_cut_off_catalog_gives_what_is_left(large: Path, tmp_path: Path) -> None:
    earlier, folder = told(copied(large, tmp_path / "before")), copied(large, tmp_path / "index")
    path = folder / CATALOG
    path.write_bytes(path.read_bytes()[: 3 * path.stat().st_size // 4])
    repaired = mended(folder)
    assert not repaired.verified.faults
    after = told(folder)
    assert after
    assert {name: one[0] for name, one in after.items()}.items() <= {
        name: one[0] for name, one in earlier.items()
    }.items()


def test_what_was_removed_does_not_come_back(large: Path, tmp_path: Path) -> None:
    folder = copied(large, tmp_path / "index")
    pages_lost(folder, [1])
    mended(folder)
    assert not set(told(folder)) & {f"w{number:02}" for number in range(40, 45)}
    assert told(folder)["w03"][0].text == "It went silent."


def test_what_the_log_has_is_not_lost_with_the_file(damaged: Path, before: dict[str, Any]) -> None:
    with opened(damaged) as store:
        for number in range(3):
            put(store, [article(f"in the log {number}")])
        shutil.copy(damaged / f"{CATALOG}-wal", damaged / "log")
        shutil.copy(damaged / CATALOG, damaged / "main")
    shutil.copy(damaged / "log", damaged / f"{CATALOG}-wal")
    shutil.move(damaged / "main", damaged / CATALOG)
    (damaged / "log").unlink()
    flip(damaged / f"{CATALOG}-wal", 40 + 24 + 16_384)
    repaired = mended(damaged)
    assert not repaired.verified.faults
    assert set(told(damaged)) >= set(before) | {"in the log 1", "in the log 2"}
    assert (damaged / "catalog.broken-1.sqlite-wal").exists()


def test_a_repair_that_is_killed_is_taken_up(
    damaged: Path, before: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages_lost(damaged, [root_of(damaged, "articles_by_day")])
    for module, name in (
        ("rag.store.salvage.Salvage", "settle"),
        ("rag.store.salvage", "put_in_place"),
        ("rag.store.repair._Setting", "set_right"),
        ("rag.store.repair._Repairing", "derive"),
    ):
        with monkeypatch.context() as patch:

            def killed(*_: object, **__: object) -> None:
                raise KeyboardInterrupt

            patch.setattr(f"{module}.{name}", killed)
            with pytest.raises(KeyboardInterrupt):
                mended(damaged)
        assert (damaged / CATALOG).exists()
    assert not mended(damaged).verified.faults
    assert told(damaged) == before


def test_a_full_disk_changes_nothing(damaged: Path, before: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pages_lost(damaged, [root_of(damaged, "articles_by_day")])
    broken = (damaged / CATALOG).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Salvage, "write", full)
        with pytest.raises(NoSpace):
            mended(damaged)
    assert (damaged / CATALOG).read_bytes() == broken
    assert not mended(damaged).verified.faults
    assert told(damaged) == before


def test_nothing_to_go_by_is_left_alone(damaged: Path) -> None:
    path = damaged / CATALOG
    for data in (b"garbage" * 9_000, b""):
        path.write_bytes(data)
        with pytest.raises(IndexDamaged, match="nothing can be read") as caught:
            mended(damaged)
        assert "export" in caught.value.remedy
        assert path.read_bytes() == data
        assert not list(damaged.glob("*.tmp*"))


def test_without_any_manifest_there_is_no_telling(damaged: Path) -> None:
    (damaged / "manifest.json").unlink()
    sql("UPDATE manifest SET json = '{}'")(damaged)
    with pytest.raises(IndexDamaged, match="which model"):
        mended(damaged)


def test_an_index_without_articles_is_repaired_too(tmp_path: Path) -> None:
    with opened(tmp_path / "index"):
        pass
    sql("UPDATE manifest SET contents = x'00'")(tmp_path / "index")
    flip(tmp_path / "index" / CATALOG, 18, 2)
    assert not mended(tmp_path / "index").verified.faults


def test_what_cannot_be_repaired_is_refused_by_name(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        repair(tmp_path / "nowhere")
    with filelock.FileLock(damaged / LOCK_FILE), pytest.raises(IndexBusy):
        repair(damaged, lock_seconds=0.01)
    with rows_of(damaged) as db:
        db.execute("CREATE TABLE new_in_99 (x)")
        db.execute("UPDATE manifest SET json = replace(json, '\"format\":2', '\"format\":99')")
    with pytest.raises(IndexTooNew, match="99"):
        repair(damaged)


def test_vectors_of_two_bytes_are_repaired_as_such(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    store = EmbeddedStore.create(folder, StandIn().info, Chunker(name="test", max_tokens=20), vectors="float16")
    put(store, [article(f"a{number}") for number in range(9)])
    store.close()
    pages_lost(folder, [root_of(folder, "vectors")])
    shutil.rmtree(folder / "dense")
    assert not mended(folder).verified.faults


def test_an_index_that_only_seemed_to_lag_is_built_again(damaged: Path) -> None:
    with opened(damaged) as store:
        generation = store.manifest.generation
        store.derived.lexical.change(generation - 1, [5, 6], [])
    assert not mended(damaged).verified.faults


PATTERNS = {CATALOG: 30, "manifest.json": 4, "dense/*": 10, "terms/*": 16}


@pytest.mark.parametrize(("pattern", "count"), PATTERNS.items(), ids=PATTERNS.keys())
def test_after_a_repair_every_article_that_is_not_named_reads_as_before(
    whole: Path, before: dict[str, Any], tmp_path: Path, pattern: str, count: int
) -> None:
    for path, at, bit in flips(whole, pattern, count):
        folder = copied(whole, tmp_path / "flipped")
        flip(folder / path, at, bit)
        repaired = mended(folder)
        assert not repaired.verified.faults, (path, at, bit)
        lost = {one.article_id for one in repaired.lost}
        after = told(folder)
        assert {name: one[:2] for name, one in after.items()} == {
            name: one[:2] for name, one in before.items() if name not in lost
        }, (path, at, bit)
        with opened(folder) as store:
            assert found_dense(store) == set(after) == {one.id for one in store.articles(ALL)}
