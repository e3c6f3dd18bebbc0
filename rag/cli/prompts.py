"""`rag prompts`: which prompts there are, what they say, and whether they fit."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import config
from rag import prompts as room
from rag.cli import options
from rag.cli.render import clean, is_terminal
from rag.errors import BadPrompt
from rag.prompts import Prompt

_COLUMNS = 80
_DIGEST = 12

prompts = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Show and check the prompts for language models."
)

PromptsOption = Annotated[
    Path | None,
    typer.Option(
        "--prompts",
        metavar="FOLDER",
        help="Folder of prompts that replace those that come with this package.",
        show_default="RAG_PROMPTS, or none",
    ),
]


@prompts.command("list")
def list_(
    *, folder: PromptsOption = None, as_json: options.JsonOption = False, debug: options.DebugOption = False
) -> None:
    """List the prompts in use: name, version, digest, where each comes from, what it is for."""
    del debug
    found = room.listed(_folder(folder))
    if as_json:
        _json([{"error": str(one)} if isinstance(one, BadPrompt) else _summary(one) for one in found])
        return
    for one in found:
        if isinstance(one, BadPrompt):
            _wrapped(str(one), "")
            continue
        _line(f"{one.name}  version {one.version}  {one.digest[:_DIGEST]}  {_origin(one)}")
        _wrapped(one.description, "    ")


@prompts.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the prompt.", show_default=False)],
    *,
    folder: PromptsOption = None,
    as_json: options.JsonOption = False,
    debug: options.DebugOption = False,
) -> None:
    """Print the file of a prompt, to read or to copy. --json prints its parts."""
    del debug
    path = room.path_of(name, _folder(folder))
    if as_json:
        prompt = room.read(path)
        _json({**_summary(prompt), "system": prompt.system, "user": prompt.user})
        return
    content = path.read_bytes()  # also of a file that has a fault: this is where one looks for it
    if is_terminal():
        sys.stdout.write(clean(content.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(content)


@prompts.command()
def check(
    *, folder: PromptsOption = None, as_json: options.JsonOption = False, debug: options.DebugOption = False
) -> None:
    """Check every prompt: its layout, its templates, its variables. Exit code 1 when one has a fault."""
    del debug
    checked = [_checked(one) for one in room.listed(_folder(folder))]
    if as_json:
        _json(checked)
    else:
        for one in checked:
            for fault in one["faults"]:
                _wrapped(f"{one['file']}: {fault}", "")
            if not one["faults"]:
                _line(f"{one['file']}: good")
    raise typer.Exit(int(any(one["faults"] for one in checked)))


def _folder(folder: Path | None) -> Path | None:
    return config.load(prompts=folder).prompts


def _checked(one: Prompt | BadPrompt) -> dict[str, Any]:
    if isinstance(one, Prompt):
        return {"file": one.path.name, "faults": room.check(one)}
    file, _, fault = one.message.partition(": ")
    return {"file": file, "faults": [fault or file]}


def _summary(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "version": prompt.version,
        "description": prompt.description,
        "variables": list(prompt.variables),
        "digest": prompt.digest,
        "path": str(prompt.path),
        "built_in": prompt.built_in,
    }


def _origin(prompt: Prompt) -> str:
    return "built in" if prompt.built_in else str(prompt.path)


def _wrapped(text: str, indent: str) -> None:
    """Prints a text in lines of 80 columns, all of them indented."""
    for line in textwrap.wrap(
        text, _COLUMNS, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ):
        _line(line)


def _line(text: str) -> None:
    print(clean(text) if is_terminal() else text)  # noqa: T201


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
