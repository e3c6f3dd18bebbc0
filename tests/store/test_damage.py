"""What damage does to an index: what is derived is built again, what is true is named as damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import IndexDamaged, IndexMissing, IndexTooNew, RagError
from rag.store import EmbeddedStore, opening
from rag.types import Filter
from tests.conformance.store import ALL, found_dense, found_lexical, put
from tests.stand_in import StandIn, article
from tests.store.conftest import CHUNKER, NAMES, opened, state

Change = Callable[[bytes], bytes | None]


def gone(_: bytes) -> None:
    return None


def emptied(_: bytes) -> bytes:
    return b""


def garbage(_: bytes) -> bytes:
    return b"garbage" * 1000


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def rewrite(path: Path, change: Change) -> None:
    data = change(path.read_bytes())
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)


DAMAGE: dict[str, tuple[list[str], Change]] = {
    "dense deleted": (["dense.*"], gone),
    "dense emptied": (["dense.*"], emptied),
    "dense cut": (["dense.*"], cut),
    "dense overwritten": (["dense.*"], garbage),
    "terms deleted": (["terms/*"], gone),
    "terms emptied": (["terms/*"], emptied),
    "terms cut": (["terms/*"], cut),
    "terms overwritten": (["terms/*"], garbage),
    "positions deleted": (["terms/*.pos"], gone),
    "segments deleted": (["terms/*.idx"], gone),
    "segments cut": (["terms/*.store", "terms/*.fast"], cut),
    "list of segments overwritten": (["terms/meta.json"], garbage),
    "all that is derived deleted": (["dense.*", "terms/*", "manifest.json"], gone),
    "manifest overwritten": (["manifest.json"], garbage),
}


@pytest.mark.parametrize(("patterns", "change"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_derived_is_built_again(folder: Path, patterns: list[str], change: Change) -> None:
    before = state(folder)
    for pattern in patterns:
        for path in list(folder.glob(pattern)):
            rewrite(path, change)
    assert state(folder) == before
    with opened(folder) as store:
        put(store, [article("later")], [NAMES[0]])
        assert found_dense(store) == found_lexical(store) == {*NAMES[1:], "later"}


CATALOG_DAMAGE: dict[str, Change] = {
    "garbage": garbage,
    "emptied": emptied,
    "cut": cut,
    "short": lambda data: data[:50],
    "header gone": lambda data: b"\0" * 100 + data[100:],
    "middle gone": lambda data: data[: len(data) // 3] + b"\xa5" * (len(data) // 3) + data[2 * len(data) // 3 :],
    "all but the first page gone": lambda data: data[:4096] + b"\xa5" * (len(data) - 4096),
}


@pytest.mark.parametrize("damage", CATALOG_DAMAGE.values(), ids=CATALOG_DAMAGE.keys())
def test_a_damaged_catalog_is_named(folder: Path, damage: Change) -> None:
    rewrite(folder / opening.CATALOG_FILE, damage)
    with pytest.raises(IndexDamaged) as caught:
        read_everything(folder)
    assert str(folder) in caught.value.message
    assert caught.value.remedy


def read_everything(folder: Path) -> None:
    store = EmbeddedStore.open(folder)
    try:
        list(store.articles(ALL))
        store.digests()
        store.locations()
        keys = [key for key, _ in store.nearest(StandIn().encode_query("Geneva"), 100, Filter(source="any"))]
        keys += range(100)
        store.passages(keys)
        store.sentence_vectors(keys)
        store.sentence_vectors(keys)
        store.article(NAMES[0])
    finally:
        store.close()


def test_a_lost_catalog_is_no_missing_index(folder: Path, tmp_path: Path) -> None:
    (folder / opening.CATALOG_FILE).unlink()
    with pytest.raises(IndexDamaged, match="lost"):
        EmbeddedStore.open(folder)
    assert EmbeddedStore.exists(folder)
    assert not EmbeddedStore.exists(tmp_path / "nowhere")


@pytest.mark.parametrize("manifest", ["not JSON", "[]", "{}", '{"format": 1}', '{"format": "one"}'])
def test_an_unreadable_manifest_is_named(folder: Path, manifest: str) -> None:
    _write_manifest(folder, manifest)
    with pytest.raises(IndexDamaged, match="manifest"):
        EmbeddedStore.open(folder)


def test_a_newer_format_is_named(folder: Path) -> None:
    with opened(folder) as store:
        newer = store.manifest.model_dump() | {"format": 99, "unknown": "field"}
    _write_manifest(folder, json.dumps(newer))
    with pytest.raises(IndexTooNew, match="99") as caught:
        EmbeddedStore.open(folder)
    assert "Upgrade" in caught.value.remedy


def _write_manifest(folder: Path, manifest: str) -> None:
    catalog = sqlite3.connect(folder / opening.CATALOG_FILE)
    with catalog:
        catalog.execute("UPDATE manifest SET json = ?", [manifest])
    catalog.close()


def test_no_index_is_no_error_of_sqlite(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "unlaid").mkdir()
    sqlite3.connect(tmp_path / "unlaid" / opening.CATALOG_FILE).close()
    (tmp_path / "unlaid" / opening.CATALOG_FILE).touch()
    for place in ("nowhere", "unlaid"):
        with pytest.raises(IndexMissing, match="rag add"):
            EmbeddedStore.open(tmp_path / place)
    with pytest.raises(IndexDamaged, match="is a file"):
        EmbeddedStore.open(tmp_path / "file")
    with pytest.raises(RagError, match="file"):
        EmbeddedStore.create(tmp_path / "file", StandIn().info, CHUNKER)
    assert not (tmp_path / "nowhere").exists()
