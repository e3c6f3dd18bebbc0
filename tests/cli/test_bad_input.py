"""Whatever is put in: one clear line that names the remedy, the exit code of the design, no traceback, the index as it was."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.index import Index
from tests.cli.process import Commands, Finished

_QUESTION = "who launched xAI"


@pytest.fixture(autouse=True)
def index_as_it_was(seeds_index: Index) -> Iterator[None]:
    folder = Path(seeds_index.info.path)
    before = (folder / "manifest.json").read_bytes(), seeds_index.manifest.digest
    yield
    with Index.open(folder) as after:
        assert ((folder / "manifest.json").read_bytes(), after.manifest.digest) == before


def _is_one_line(done: Finished, code: int, *words: str) -> None:
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert len(done.err) < 600
    for word in words:
        assert word in done.err


def _is_wrong_usage(done: Finished, *words: str) -> None:
    """Wrong options: how it is used, and one line that says what is wrong."""
    assert done.code == 2
    assert done.out == ""
    assert "--help' for help" in done.err
    assert [line for line in done.err.splitlines() if line.startswith("Error: ")] == [done.err.splitlines()[-1]]
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", ("empty", 'ask "')),
        (" \t\n", ("empty", 'ask "')),
        ("why " * 25_000, ("99,999 characters", "limit is 2,000", "shorter")),
        ("😀🎉👩‍👩‍👧", ("no words", "Ask in a sentence")),
        ("?!…", ("no words", "Ask in a sentence")),
    ],
    ids=["empty", "blank", "100 kB", "emoji", "punctuation"],
)
def test_a_question_that_is_none(commands: Commands, question: str, words: tuple[str, ...]) -> None:
    _is_one_line(commands.ask(question), 2, *words)


def test_a_chinese_question_is_told_to_ask_in_the_articles_language(commands: Commands) -> None:
    done = commands.ask("中国在日内瓦说了什么？")
    assert done.code == 3
    assert done.out.startswith("Nothing in the 5 articles answers this")
    assert (
        done.err == "note: none of the question's words stand in the articles: ask in their language, in other words\n"
    )


@pytest.mark.parametrize("stdin", ["", "\n \n"])
def test_a_pipe_without_a_question(commands: Commands, stdin: str) -> None:
    _is_one_line(commands.ask(stdin=stdin), 2, "no question", "ask QUESTION")


def test_a_pipe_of_refused_questions(commands: Commands) -> None:
    done = commands.ask("--json", stdin="😀\n?\n")
    assert done.code == 2
    assert [json.loads(line)["question"] for line in done.out.splitlines()] == ["😀", "?"]
    assert [line[:7] for line in done.err.splitlines()] == ["error: "] * 2


def test_bytes_that_are_no_text(commands: Commands) -> None:
    done = commands.ask("--json", "who launched xAI \udcff")
    assert done.code in {0, 3}
    assert json.loads(done.out)["question"].startswith("who launched xAI")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["list", "status"])
def test_no_index(fresh: Commands, command: str) -> None:
    _is_one_line(fresh.rag(command), 1, str(fresh.index), "rag add")
    assert not fresh.index.exists()


def test_no_index_to_ask(fresh: Commands) -> None:
    _is_one_line(fresh.ask(_QUESTION), 1, str(fresh.index), "rag add")
    assert not fresh.index.exists()


def test_an_index_path_that_is_a_file(fresh: Commands) -> None:
    fresh.index.write_text("hello", encoding="utf-8")
    _is_one_line(fresh.ask(_QUESTION), 1, str(fresh.index))
    _is_one_line(fresh.rag("add", "--seeds"), 1, str(fresh.index), "another --index")
    assert fresh.index.read_text(encoding="utf-8") == "hello"


def test_an_unreadable_index(fresh: Commands) -> None:
    fresh.index.mkdir()
    catalog, content = fresh.index / "catalog.sqlite", b"garbage\n" * 1000
    catalog.write_bytes(content)
    _is_one_line(fresh.ask(_QUESTION), 1, str(fresh.index), "rag verify", "rag repair")
    assert catalog.read_bytes() == content


def test_a_manifest_that_is_none(fresh: Commands, seeds_index: Index) -> None:
    _with_manifest(fresh, seeds_index, lambda _: {"format": "x"})
    _is_one_line(fresh.ask(_QUESTION), 1, str(fresh.index), "manifest", "rag repair")


def test_an_index_of_a_newer_version(fresh: Commands, seeds_index: Index) -> None:
    _with_manifest(fresh, seeds_index, lambda manifest: {**manifest, "format": 99})
    _is_one_line(fresh.ask(_QUESTION), 1, "format 99", "Upgrade")


def _with_manifest(
    fresh: Commands, seeds_index: Index, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    """Puts a copy of the index in place, with another manifest."""
    shutil.copytree(seeds_index.info.path, fresh.index)
    catalog = sqlite3.connect(fresh.index / "catalog.sqlite")
    (written,) = catalog.execute("SELECT json FROM manifest").fetchone()
    catalog.execute("UPDATE manifest SET json = ?", (json.dumps(change(json.loads(written))),))
    catalog.commit()
    catalog.close()


def test_another_model_than_the_index_s(commands: Commands) -> None:
    words = ("all-MiniLM-L6-v2", "other/model", "rag add")
    _is_one_line(commands.ask(_QUESTION, "--model", "other/model"), 1, *words)
    _is_one_line(commands.ask(_QUESTION, RAG_MODEL="other/model"), 1, *words)
    _is_one_line(commands.rag("add", "--seeds", "--model", "other/model"), 1, *words)


def test_a_model_that_is_not_there(fresh: Commands) -> None:
    _is_one_line(fresh.rag("add", "--seeds", "--model", "other/model"), 1, "other/model", "download")


def test_a_folder_of_bad_files(fresh: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "empty.txt").touch()
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "latin.txt").write_bytes("Le président était à Genève.".encode("latin-1"))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    with (folder / "huge.txt").open("wb") as file:
        file.write(b"One line without an end ")
        os.posix_fallocate(file.fileno(), 0, 50_000_000)
    (folder / "link.txt").symlink_to("nowhere")
    (folder / "good.txt").write_text("The ferry Aurora sank near Oslo on Monday.", encoding="utf-8")
    done = fresh.rag("add", str(folder))
    assert (done.code, done.out.splitlines()[-1]) == (0, "added 1, updated 0, unchanged 0, skipped 6")
    reasons = dict(line.removeprefix("skipped ").split(": ", 1) for line in done.err.splitlines())
    remedies = {
        "empty.txt": "empty file",
        "binary.txt": "binary file, not text",
        "latin.txt": "--encoding",
        "picture.png": "convert to plain text",
        "huge.txt": "--max-file-mb",
        "link.txt": "broken link",
    }
    assert {Path(path).name for path in reasons} == set(remedies)
    for path, reason in reasons.items():
        assert remedies[Path(path).name] in reason
    assert fresh.ask("Where did the ferry Aurora sink?", "--min-confidence", "0").code == 0
    latin = fresh.rag("add", str(folder / "latin.txt"), "--encoding", "latin-1")
    assert (latin.code, latin.out.splitlines()[-1]) == (0, "added 1, updated 0, unchanged 0, skipped 0")


def test_a_path_that_was_named_and_is_not_there(fresh: Commands, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("The ferry Aurora sank near Oslo on Monday.", encoding="utf-8")
    done = fresh.rag("add", "good.txt", "nowhere.txt")
    assert done.code == 1
    assert done.err == "skipped nowhere.txt: no such file or folder\n"
    assert done.out.splitlines()[-1] == "added 1, updated 0, unchanged 0, skipped 1"


def test_nothing_to_add(fresh: Commands, tmp_path: Path) -> None:
    _is_one_line(fresh.rag("add"), 1, "nothing to add", "--seeds")
    (tmp_path / "empty").mkdir()
    _is_one_line(fresh.rag("add", "empty"), 1, "nothing to read", "Name files")


@pytest.mark.parametrize(
    ("option", "value"), [("--vectors", "float8"), ("--device", "abacus"), ("--encoding", "no-such-encoding")]
)
def test_a_way_of_adding_that_there_is_not(fresh: Commands, tmp_path: Path, option: str, value: str) -> None:
    (tmp_path / "good.txt").write_text("The ferry Aurora sank near Oslo on Monday.", encoding="utf-8")
    _is_one_line(fresh.rag("add", "good.txt", option, value), 1, option.strip("-"))


def test_nothing_to_watch(fresh: Commands) -> None:
    _is_one_line(fresh.rag("add", "nowhere", "--watch"), 1, "nowhere is not there", "Name files and folders")


@pytest.mark.parametrize("command", [("show",), ("remove",)])
def test_an_article_that_is_not_there(commands: Commands, command: tuple[str, ...]) -> None:
    _is_one_line(commands.rag(*command, "nonsense"), 1, "nonsense", "rag list")


def test_an_unknown_setting(commands: Commands) -> None:
    _is_one_line(commands.ask(_QUESTION, RAG_COLOUR="red"), 1, "RAG_COLOUR", "unset RAG_COLOUR")


def test_a_setting_out_of_bounds(commands: Commands) -> None:
    _is_one_line(commands.ask(_QUESTION, RAG_K="0"), 1, "'k'", "RAG_K")


def test_a_configuration_file_that_cannot_be_read(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text("k = = 5", encoding="utf-8")
    _is_one_line(commands.ask(_QUESTION), 1, "rag.toml cannot be read", "remove rag.toml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), ("--since", "'yesterday'", "YYYY-MM-DD")),
        (("--until", "2024-02-30"), ("--until", "'2024-02-30'", "YYYY-MM-DD")),
        (("--k", "0"), ("--k",)),
        (("--k", "many"), ("--k", "integer")),
        (("--min-confidence", "7"), ("--min-confidence",)),
        (("--colour",), ("--colour",)),
    ],
    ids=" ".join,
)
def test_wrong_options(commands: Commands, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    _is_wrong_usage(commands.ask(_QUESTION, *arguments), *words)


def test_dates_that_are_crossed(commands: Commands) -> None:
    done = commands.ask(_QUESTION, "--since", "2024-05-02", "--until", "2024-05-01")
    _is_one_line(done, 1, "2024-05-02", "after", "Swap them")


def test_an_unknown_command(commands: Commands) -> None:
    _is_wrong_usage(commands.rag("frobnicate"), "frobnicate")


def test_debug_shows_the_traceback(commands: Commands) -> None:
    done = commands.ask("?", "--debug")
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("error: the question has no words")
