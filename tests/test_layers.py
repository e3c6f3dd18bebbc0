from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rag

PACKAGE = Path(rag.__file__).parent
LAYERS = (
    {"types", "errors", "resources", "config", "words", "dates", "sentences", "spelled", "weights", "prompts"},
    {"ingest", "chunk", "embed", "rerank", "store", "llm"},
    {"passages", "evidence", "filters", "retrieve"},
    {"answer"},
    {"add", "care", "index"},
    {"evaluate", "batch"},
    {"cli", "serve"},
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def room_of(path: Path) -> str:
    """The room that a module belongs to; the package itself is no room."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rooms_imported(source: str) -> set[str]:
    """The rooms that a module imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("rag.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_imports_a_layer_above_its_own(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return  # the public names of all rooms, imported when they are first used
    assert room in LEVEL, f"rag/{room} has no layer"
    above = {other for other in rooms_imported(path.read_text(encoding="utf-8")) if LEVEL.get(other, -1) > LEVEL[room]}
    assert not above


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "import rag.store.base\nfrom rag import config, words\ndef f():\n    from rag.cli.ask import app\nimport os"
    )
    assert rooms_imported(source) == {"store", "config", "words", "cli"}


def test_every_module_of_the_package_is_looked_at() -> None:
    assert {"types", "ingest", "store", "answer", "cli"} <= {room_of(path) for path in MODULES}


def test_importing_the_package_is_cheap() -> None:
    code = "import json, sys, rag; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "rag" in loaded
    assert not loaded & {"numpy", "pydantic", "torch", "onnxruntime", "faiss", "tantivy", "typer"}


def test_every_public_name_is_there_and_no_other() -> None:
    assert dir(rag) == sorted(rag.__all__)
    assert all(getattr(rag, name) is not None for name in rag.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = rag.no_such_name
