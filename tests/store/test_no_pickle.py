"""Nothing that is read from a disk or a network can run code."""

from __future__ import annotations

import ast
from pathlib import Path

import rag


def test_nothing_is_pickled() -> None:
    unsafe = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    sources = sorted(Path(rag.__file__).parent.rglob("*.py"))
    assert len(sources) > 20
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not unsafe & {name.split(".")[0] for name in names}, source
            allows = isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
            assert not allows, source
