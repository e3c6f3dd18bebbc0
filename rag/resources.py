"""Finds what comes with the project (seeds, prompts, the gold set), in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from rag.errors import BadInput

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The root of the checkout that this package runs from, or None when it is installed from a wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "seeds").is_dir() else None


def resource(name: str) -> Path:
    """The path of a resource such as `seeds`, `prompts` or `eval/gold.jsonl`.

    Raises:
        BadInput: when neither the checkout nor the installed package has it.
    """
    root = checkout()
    path = (root / name) if root else _PACKAGE / "_data" / name
    if not path.exists():
        raise BadInput(f"{name} did not come with this installation", "Reinstall the package")
    return path
