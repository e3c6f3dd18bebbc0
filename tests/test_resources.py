from __future__ import annotations

from pathlib import Path

import pytest

from rag import resources
from rag.errors import BadInput


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the package seems to lie."""
    folder = tmp_path / "root" / "rag"
    folder.mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", folder)
    return folder


def test_a_checkout_is_a_folder_with_the_project_file_and_the_seeds(package: Path) -> None:
    root = package.parent
    assert resources.checkout() is None
    (root / "pyproject.toml").touch()
    assert resources.checkout() is None
    (root / "seeds").mkdir()
    assert resources.checkout() == root


def test_in_a_checkout_resources_lie_in_its_root(package: Path) -> None:
    root = package.parent
    (root / "pyproject.toml").touch()
    (root / "seeds").mkdir()
    (root / "eval").mkdir()
    (root / "eval" / "gold.jsonl").touch()
    assert resources.resource("seeds") == root / "seeds"
    assert resources.resource("eval/gold.jsonl") == root / "eval" / "gold.jsonl"


def test_in_an_installation_resources_lie_in_the_package(package: Path) -> None:
    (package / "_data" / "seeds").mkdir(parents=True)
    assert resources.resource("seeds") == package / "_data" / "seeds"


@pytest.mark.usefixtures("package")
def test_what_did_not_come_along_is_named_with_the_remedy() -> None:
    with pytest.raises(BadInput, match=r"prompts did not come with this installation\. Reinstall"):
        resources.resource("prompts")


@pytest.mark.parametrize("name", ["seeds", "prompts", "eval/gold.jsonl"])
def test_the_project_comes_with_its_resources(name: str) -> None:
    assert resources.resource(name).exists()


def test_the_five_seeds_come_along() -> None:
    assert len(list(resources.resource("seeds").glob("*.txt"))) == 5
