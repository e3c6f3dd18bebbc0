from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.index import Index
from tests.cli.process import Commands

_FORMATS = Path(__file__).parent.parent / "store" / "formats"


@pytest.fixture
def own(seeds_index: Index, model_cache: Path, tmp_path: Path) -> Commands:
    """With a copy of the index of the seeds, to be damaged."""
    shutil.copytree(seeds_index.info.path, tmp_path / "index")
    return Commands(tmp_path / "index", model_cache, tmp_path)


def _damage(folder: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement, values)


def _vectors(folder: Path) -> dict[tuple[str, int, int], NDArray[np.float32]]:
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as db:
        rows = db.execute("SELECT id, start, end, data FROM passages JOIN vectors ON passage = key").fetchall()
    return {(name, start, end): np.frombuffer(data[:-4], "<f4") for name, start, end, data in rows}


def test_a_sound_index(own: Commands, seeds_index: Index) -> None:
    manifest = seeds_index.manifest
    done = own.rag("verify")
    counts = f"{manifest.articles} articles, {manifest.passages} passages, {manifest.passages} vectors"
    assert (done.code, done.out, done.err) == (0, f"sound: {counts}\n", "")
    told = json.loads(own.rag("verify", "--json").out)
    assert (told["sound"], told["faults"], told["articles"]) == (True, [], manifest.articles)
    repaired = own.rag("repair")
    assert (repaired.code, repaired.out) == (0, done.out)


def test_faults_are_told_and_mended_with_the_model(own: Commands) -> None:
    before = _vectors(own.index)
    _damage(own.index, "UPDATE vectors SET data = zeroblob(1540) WHERE passage = 3")
    found = own.rag("verify")
    assert found.code == 1
    assert "is not what was stored (repair cuts and embeds the article again)" in found.out
    assert found.out.count("\n") == 2
    dry = own.rag("repair", "--dry-run")
    assert (dry.code, dry.out) == (1, found.out)
    told = json.loads(own.rag("verify", "--json").out)
    assert [fault["part"] for fault in told["faults"]] == ["vector"]
    repaired = own.rag("repair")
    assert repaired.code == 0
    assert "cut and embedded again: " in repaired.out
    assert repaired.out.splitlines()[-1].startswith("sound: ")
    after = _vectors(own.index)
    assert after.keys() == before.keys()  # the passages are those that `rag add` made, and their vectors
    assert all(np.allclose(after[name], vector, atol=1e-5) for name, vector in before.items())


def test_a_lost_article_is_named_with_where_it_stood(own: Commands, seeds_index: Index) -> None:
    lost = next(iter(seeds_index.articles()))
    _damage(own.index, "UPDATE articles SET text = 'Nobody said that.' WHERE id = ?", lost.id)
    done = own.rag("repair")
    assert done.code == 0
    assert f"lost: {lost.id}, which stood at {lost.path}; add it again\n" in done.out
    own.rag("add", str(lost.path))
    assert json.loads(own.rag("status", "--json").out)["digest"] == seeds_index.manifest.digest
    assert own.rag("verify").code == 0


def test_a_repair_as_json(own: Commands) -> None:
    shutil.rmtree(own.index / "dense")
    done = own.rag("repair", "--json")
    told = json.loads(done.out)
    assert done.code == 0
    assert (told["sound"], told["lost"]) == (True, [])
    assert "built the dense index again" in told["done"]


def test_many_faults_are_not_all_printed(own: Commands) -> None:
    _damage(own.index, "DELETE FROM vectors")
    done = own.rag("verify")
    assert done.out.count("\n") == 22
    assert "more faults; --json lists them all" in done.out


def test_an_index_goes_into_a_file_and_comes_out_again(own: Commands, seeds_index: Index) -> None:
    digest = seeds_index.manifest.digest
    done = own.rag("export", "file.tar.zst")
    assert done.code == 0
    assert done.out.startswith("wrote file.tar.zst (0.")
    assert digest[:12] in done.out
    again = own.rag("export", "file.tar.zst")
    assert (again.code, again.out) == (1, "")
    assert "there already" in again.err
    assert json.loads(own.rag("export", "file.tar.zst", "--force", "--json").out)["digest"] == digest
    taken = own.rag("import", "file.tar.zst", "--index", "new")
    assert (taken.code, taken.err) == (0, "")
    assert json.loads(own.rag("status", "--json", "--index", "new").out)["digest"] == digest
    assert own.rag("verify", "--index", "new").code == 0
    refused = own.rag("import", "file.tar.zst", "--index", "new")
    assert refused.code == 1
    assert "--force" in refused.err
    assert json.loads(own.rag("import", "file.tar.zst", "--index", "new", "--force", "--json").out)["digest"] == digest
    answered = own.ask("what did China say in Geneva?", "--index", "new", "--json")
    assert answered.code == 0
    assert json.loads(answered.out)["index"]["digest"] == digest


def test_a_file_that_is_no_export_is_one_line(own: Commands) -> None:
    (own.folder / "file.tar.zst").write_bytes(b"garbage")
    done = own.rag("import", "file.tar.zst", "--index", "new")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "not a sound export" in done.err
    assert sorted(path.name for path in own.folder.iterdir()) == ["file.tar.zst", "index"]


def test_an_older_format_is_migrated(own: Commands, tmp_path: Path) -> None:
    shutil.copytree(_FORMATS / "1", tmp_path / "old")
    found = own.rag("verify", "--index", "old")
    assert found.code == 1
    assert "catalog: it has format 1 (`rag migrate` brings it to 2)" in found.out
    done = own.rag("migrate", "--index", "old")
    assert (done.code, done.out, done.err) == (0, "format 1 → 2\n", "")
    assert own.rag("migrate", "--index", "old").out == "the index in old is of format 2 already\n"
    assert json.loads(own.rag("migrate", "--index", "old", "--json").out)["before"] == 2
    assert own.rag("verify", "--index", "old").code == 0


@pytest.mark.parametrize("name", ["verify", "repair", "export", "import", "migrate"])
def test_where_there_is_no_index_it_is_said(fresh: Commands, name: str) -> None:
    done = fresh.rag(name, *(["file.tar.zst"] if name in ("export", "import") else []))
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert not list(fresh.folder.iterdir())


def test_on_a_terminal_nothing_in_a_name_steers_it(own: Commands) -> None:
    (own.index / "\x1b[31mred").write_text("")
    _damage(own.index, "INSERT INTO locations VALUES (char(27) || '[31mred', 999, NULL)")
    code, sent = own.on_terminal("rag", "verify", NO_COLOR="1")
    assert code == 1
    assert "\x1b[31m" not in sent
    assert "no article stands at" in sent


def test_every_help_is_no_wider_than_a_terminal(own: Commands) -> None:
    for name in ("verify", "repair", "export", "import", "migrate"):
        code, sent = own.on_terminal("rag", name, "--help")
        assert code == 0
        assert max(map(len, sent.split("\n"))) <= 80
