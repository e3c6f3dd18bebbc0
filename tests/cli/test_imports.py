from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.process import Commands

_HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "sklearn",
    "pandas",
    "scipy",
    "onnx",
    "huggingface_hub",
    "ir_measures",
}
_FOR_MODELS = ("rag.llm", "rag.answer.synthesis", "rag.answer.verify", "pydantic_ai", "openai", "tenacity", "httpx2")
_ASK = """
import atexit, sys
atexit.register(lambda: print("\\n".join(sys.modules), file=sys.stderr))
from rag.cli.entry import ask
ask()
"""


def _imported(commands: Commands, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *arguments],
        env=commands._environment({}),
        cwd=commands.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("who launched xAI",), ("who launched xAI", "--json")], ids=["text", "json"])
def test_a_question_loads_nothing_heavy(commands: Commands, arguments: tuple[str, ...]) -> None:
    imported = _imported(commands, *arguments)
    assert {"rag.cli.ask", "onnxruntime", "faiss", "tantivy", "numpy"} <= imported
    assert not imported & _HEAVY


@pytest.mark.parametrize("flags", [(), ("--json",), ("--llm-optional", "--no-cache")], ids=["text", "json", "flags"])
def test_a_question_without_a_language_model_loads_nothing_for_one(commands: Commands, flags: tuple[str, ...]) -> None:
    imported = _imported(commands, "who launched xAI", *flags)
    assert "rag.answer" in imported
    assert not {name for name in imported if name.startswith(_FOR_MODELS)}


def test_a_question_to_a_pipe_loads_nothing_that_draws(commands: Commands) -> None:
    assert "rich.console" not in _imported(commands, "who launched xAI", "--json")


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, rag; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "rag" in imported
    assert not imported & (_HEAVY | {"onnxruntime", "faiss", "tantivy", "rich"})
