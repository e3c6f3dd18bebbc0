"""The wheel works in another environment, from another folder, without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag import resources

_STORY = """Harbour reopens after storm

The harbour of Lindmouth reopened on Tuesday after a storm had closed it for nine days.

“We lost two cranes, and no one was hurt,” harbour master Ada Brandt said.
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a virtual environment in which the built wheel is installed."""
    root = resources.checkout()
    assert root is not None
    folder = tmp_path_factory.mktemp("elsewhere")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(root)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True, capture_output=True)
    pip = [str(folder / "env/bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run(
        [*pip, "--constraint", str(root / "constraints.txt"), str(wheel)], check=True, capture_output=True, cwd=folder
    )
    return folder


def _run(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "PYTHON", "COV"))}
    places = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(folder / "env/bin" / command), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=kept | places,
    )


def test_add_and_ask_without_the_checkout(elsewhere: Path) -> None:
    nothing = _run(elsewhere, "ask", "when did the harbour reopen?")
    assert nothing.returncode == 1
    assert "rag add" in nothing.stderr
    (elsewhere / "story.txt").write_text(_STORY, encoding="utf-8")
    added = _run(elsewhere, "rag", "add", "story.txt")
    assert added.returncode == 0, added.stderr
    assert "added 1" in added.stdout
    asked = _run(elsewhere, "ask", "--json", "When did the harbour of Lindmouth reopen?")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    quote = "The harbour of Lindmouth reopened on Tuesday after a storm had closed it for nine days."
    assert answer["citations"][0]["quote"] == quote
    assert str(elsewhere / "data") in answer["index"]["path"]


def test_what_ships_with_the_wheel(elsewhere: Path) -> None:
    added = _run(elsewhere, "rag", "add", "--seeds", "--index", str(elsewhere / "seeds-index"))
    assert added.returncode == 0, added.stderr
    assert "added 5" in added.stdout
    script = (
        "from rag.resources import resource, checkout; assert checkout() is None; "
        "assert (resource('prompts') / 'README.md').is_file(); print(resource('eval/gold.jsonl').stat().st_size)"
    )
    shown = _run(elsewhere, "python", "-c", script)
    assert shown.returncode == 0, shown.stderr
    assert int(shown.stdout) > 0
