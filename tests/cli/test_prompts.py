from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.cli.prompts import prompts
from rag.errors import BadPrompt
from rag.resources import resource

_BUILT_IN = resource("prompts") / "answer.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    return path


def _run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(prompts, list(arguments), env=environment)


def test_list_names_each_prompt_within_80_columns() -> None:
    done = _run("list")
    assert done.exit_code == 0
    first, *rest = done.stdout.splitlines()
    name, _, version, digest, *origin = first.split()
    assert (name, version, origin) == ("answer", "1", ["built", "in"])
    assert len(digest) == 12
    assert rest
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_list_as_json_names_the_users_file(folder: Path) -> None:
    mine = folder / "answer.md"
    mine.write_bytes(_BUILT_IN.read_bytes().replace(b"version = 1", b"version = 7"))
    (one,) = json.loads(_run("list", "--json", "--prompts", str(folder)).stdout)
    assert (one["name"], one["version"], one["path"], one["built_in"]) == ("answer", 7, str(mine), False)
    assert len(one["digest"]) == 64
    assert one["variables"] == ["question", "passages", "most_claims"]
    assert str(mine) in _run("list", RAG_PROMPTS=str(folder)).stdout


def test_list_shows_a_broken_file_beside_the_others(folder: Path) -> None:
    (folder / "broken.md").write_text("nothing")
    done = _run("list", "--prompts", str(folder))
    assert done.exit_code == 0
    assert done.stdout.startswith("answer  version 1")
    assert "broken.md: line 1: the file does not start with TOML" in done.stdout
    assert "error" in json.loads(_run("list", "--json", "--prompts", str(folder)).stdout)[1]


def test_show_prints_the_file_to_copy(folder: Path) -> None:
    done = _run("show", "answer")
    assert (done.exit_code, done.stdout_bytes) == (0, _BUILT_IN.read_bytes())
    (folder / "answer.md").write_bytes(done.stdout_bytes)
    assert _run("check", "--prompts", str(folder)).exit_code == 0


def test_show_as_json_gives_the_parts() -> None:
    shown = json.loads(_run("show", "answer", "--json").stdout)
    assert "{{ passages }}" in shown["user"]
    assert "{{ most_claims }}" in shown["system"]


def test_show_prints_a_broken_file_too(folder: Path) -> None:
    (folder / "answer.md").write_text("nothing")
    assert _run("show", "answer", "--prompts", str(folder)).stdout == "nothing"


def test_show_of_an_unknown_name_is_an_error() -> None:
    error = _run("show", "poem").exception
    assert isinstance(error, BadPrompt)
    assert str(error) == "there is no prompt 'poem'. Known are: answer"


def test_check_is_content_with_what_comes_with_the_package() -> None:
    done = _run("check")
    assert (done.exit_code, done.stdout) == (0, "answer.md: good\n")
    assert json.loads(_run("check", "--json").stdout) == [{"file": "answer.md", "faults": []}]


def test_check_names_every_fault_and_exits_with_1(folder: Path) -> None:
    text = _BUILT_IN.read_text(encoding="utf-8").replace("{{ question }}", "{{ query }}")
    (folder / "answer.md").write_text(text, encoding="utf-8")
    (folder / "broken.md").write_text("nothing")
    done = _run("check", "--prompts", str(folder))
    assert done.exit_code == 1
    assert "answer.md: line 1: uses 'query', which `variables` does not declare\n" in done.stdout
    assert "answer.md: line 1: does not use 'question', which it needs\n" in done.stdout
    assert "broken.md: line 1:" in done.stdout
    as_json = _run("check", "--json", "--prompts", str(folder))
    assert as_json.exit_code == 1
    answer, broken = json.loads(as_json.stdout)
    assert len(answer["faults"]) == 3
    assert broken["file"] == "broken.md"
    assert broken["faults"][0].startswith("line 1:")
