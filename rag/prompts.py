"""Prompt templates: Markdown files with a version and declared variables, for people to edit.

A file starts with TOML between two `+++` lines (`name`, `version`, `description`, `variables`); then come the sections `# System` and `# User`,
Jinja2 templates both. A file of the same name in the user's folder replaces the one that comes with this package.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from rag import resources
from rag.errors import BadPrompt

if TYPE_CHECKING:
    from jinja2 import Environment, Template

Role = Literal["system", "user"]

_FENCE = "+++"
_KEYS = {"name": str, "version": int, "description": str, "variables": list}
_TOML_PLACE = re.compile(r"\s*\(at line (\d+), column \d+\)")
_NO_PROMPT = "readme"
_REMEDY = "Correct the file; prompts/README.md says how it is laid out"


class Purpose(NamedTuple):
    """The variables that a prompt is given: those that it has to use, and those that it may use. The values are examples."""

    needed: Mapping[str, object]
    optional: Mapping[str, object]


PURPOSES = {
    "answer": Purpose(
        needed={"question": "Who said so?", "passages": "[1] Outlet, 2024-05-13\nSomeone said so."},
        optional={"most_claims": 6, "today": "2024-05-13"},
    )
}
"""What prompts are for, by their names."""


@dataclass(frozen=True)
class Prompt:
    """A template that was read from a file.

    `digest` is the SHA-256 of the file's bytes, in hexadecimal, with every line end as one line feed; `lines` are the lines of the file, from 1,
    on which the two sections' texts start.
    """

    name: str
    version: int
    description: str
    variables: tuple[str, ...]
    system: str
    user: str
    digest: str
    path: Path
    lines: tuple[int, int] = field(default=(1, 1), repr=False)

    @property
    def built_in(self) -> bool:
        """Whether it came with this package."""
        return self.path.parent == resources.resource("prompts")

    def render(self, **variables: object) -> list[tuple[Role, str]]:
        """The messages, with their roles. Variables that the prompt does not declare are not given to it.

        Raises:
            BadPrompt: a declared variable is missing, or a template fails.
        """
        missing = [name for name in self.variables if name not in variables]
        if missing:
            _fail(self.path, 1, f"the variable {missing[0]!r} is declared, and has no value", _given(self.name))
        given = {name: variables[name] for name in self.variables}
        return [("system", self._filled("system", given)), ("user", self._filled("user", given))]

    def _filled(self, role: Role, variables: Mapping[str, object]) -> str:
        try:
            return _template(self._source(role)).render(variables).strip()
        except Exception as error:  # noqa: BLE001 - a template can raise whatever its expressions raise
            _fail(self.path, self._line_of(role, error), f"# {role.title()}: {_first_line(error)}", cause=error)

    def _source(self, role: Role) -> str:
        return self.system if role == "system" else self.user

    def _line_of(self, role: Role, error: Exception) -> int:
        """The line of the file on which a template failed."""
        import traceback

        within = getattr(error, "lineno", None)
        if within is None:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
            within = frames[-1].lineno if frames else None
        return self.lines[role == "user"] + (within or 1) - 1


def load(name: str, folder: Path | None = None) -> Prompt:
    """The prompt for a purpose: the one in the user's folder, else the one that comes with this package.

    Raises:
        BadPrompt: there is none, it cannot be read, or it does not fit its purpose.
    """
    prompt = read(path_of(name, folder))
    faults = check(prompt)
    if faults:
        raise BadPrompt(f"{prompt.path.name}: {faults[0]}", _REMEDY)
    return prompt


def path_of(name: str, folder: Path | None = None) -> Path:
    """The file that holds a prompt.

    Raises:
        BadPrompt: there is none.
    """
    files = _files(folder)
    if name not in files:
        raise BadPrompt(f"there is no prompt {name!r}", f"Known are: {', '.join(files)}")
    return files[name]


def listed(folder: Path | None = None) -> list[Prompt | BadPrompt]:
    """Every prompt, or what is wrong with it, in the order of their names.

    Raises:
        BadPrompt: the folder is not there.
    """
    found: list[Prompt | BadPrompt] = []
    for path in _files(folder).values():
        try:
            found.append(read(path))
        except BadPrompt as error:
            found.append(error)
    return found


def check(prompt: Prompt) -> list[str]:
    """What is wrong with a prompt, a line each: with its templates, its variables, or what it is for."""
    if prompt.name not in PURPOSES:
        return [f"line 1: nothing asks for a prompt {prompt.name!r}; known are: {', '.join(PURPOSES)}"]
    purpose = PURPOSES[prompt.name]
    known = {**purpose.needed, **purpose.optional}
    faults: list[str] = []
    used: set[str] = set()
    for role in ("system", "user"):
        try:
            used |= _used(prompt._source(role))  # noqa: SLF001 - of this module
        except Exception as error:  # noqa: BLE001 - the parser and the compiler raise several kinds
            line = prompt._line_of(role, error)  # noqa: SLF001 - of this module
            faults.append(f"line {line}: # {role.title()}: {_first_line(error)}")
    if faults:
        return faults
    declared = set(prompt.variables)
    faults += [f"line 1: uses {name!r}, which `variables` does not declare" for name in sorted(used - declared)]
    faults += [f"line 1: declares {name!r}, and does not use it" for name in sorted(declared - used)]
    faults += [f"line 1: does not use {name!r}, which it needs" for name in purpose.needed if name not in used]
    faults += [f"line 1: is never given {name!r}; {_given(prompt.name)}" for name in sorted(declared - set(known))]
    if not faults:
        try:
            prompt.render(**known)
        except BadPrompt as error:
            faults.append(error.message.removeprefix(f"{prompt.path.name}: "))
    return faults


def read(path: Path) -> Prompt:
    """A prompt from its file; whether it fits its purpose is not looked at.

    Raises:
        BadPrompt: the file cannot be read, or is not laid out as a prompt.
    """
    import hashlib

    try:
        content = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = content.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise BadPrompt(f"{path.name} cannot be read: {reason}", f"Correct or remove {path}") from error
    fences = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(fences) != 2 or fences[0] != 0:  # noqa: PLR2004 - one opens, one closes
        _fail(path, 1, f"the file does not start with TOML between two {_FENCE} lines")
    front = _front(path, lines[1 : fences[1]])
    system, user = _sections(path, lines, fences[1] + 1)
    return Prompt(
        name=front["name"],
        version=front["version"],
        description=" ".join(front["description"].split()),
        variables=tuple(front["variables"]),
        system="\n".join(lines[system:user]).rstrip(),
        user="\n".join(lines[user + 1 :]).rstrip(),
        digest=hashlib.sha256(content).hexdigest(),
        path=path,
        lines=(system + 1, user + 2),
    )


def _files(folder: Path | None) -> dict[str, Path]:
    """The file of each prompt, by its name; the user's replace ours."""
    places = [resources.resource("prompts")]
    if folder is not None:
        folder = folder.expanduser()
        if not folder.is_dir():
            raise BadPrompt(f"there is no folder {folder} with prompts", "Correct --prompts, RAG_PROMPTS or rag.toml")
        places.append(folder)
    found = {path.stem: path for place in places for path in place.glob("*.md") if path.stem.lower() != _NO_PROMPT}
    return dict(sorted(found.items()))


def _front(path: Path, lines: list[str]) -> dict[str, Any]:
    """The front matter, each key with a value of its type."""
    import tomllib

    try:
        front = tomllib.loads("\n".join(lines))
    except ValueError as error:
        place = _TOML_PLACE.search(str(error))
        _fail(path, int(place[1]) + 1 if place else 1, _TOML_PLACE.sub("", str(error)), cause=error)
    for key, kind in _KEYS.items():
        if key not in front:
            _fail(path, 1, f"{key!r} is missing")
        if type(front[key]) is not kind:  # `true` is no version, though Python's bool is an int
            _fail(path, _line_with(key, lines), f"{key!r} is not {_article(kind)}")
    unknown = sorted(front.keys() - _KEYS.keys())
    if unknown:
        _fail(path, _line_with(unknown[0], lines), f"{unknown[0]!r} is not known; known are: {', '.join(_KEYS)}")
    if front["name"] != path.stem:
        _fail(path, _line_with("name", lines), f"the name is {front['name']!r}, and the file's {path.stem!r}")
    if front["version"] < 1:
        _fail(path, _line_with("version", lines), "the version is below 1")
    names = front["variables"]
    if not all(isinstance(name, str) and name.isidentifier() for name in names) or len(set(names)) < len(names):
        _fail(path, _line_with("variables", lines), "'variables' is not a list of different names")
    return front


def _sections(path: Path, lines: list[str], at: int) -> tuple[int, int]:
    """The index of the first line of the system's text, and that of the heading `# User`."""
    headings = [number for number in range(at, len(lines)) if lines[number].rstrip() in ("# System", "# User")]
    if [lines[number].rstrip() for number in headings] != ["# System", "# User"]:
        _fail(path, headings[-1] + 1 if headings else at, "the sections are not `# System`, then `# User`, once each")
    system, user = headings
    stray = [number for number in range(at, system) if lines[number].strip()]
    if stray:
        _fail(path, stray[0] + 1, "there is text before `# System`")
    for name, text, heading in (("System", lines[system + 1 : user], system), ("User", lines[user + 1 :], user)):
        if not "".join(text).strip():
            _fail(path, heading + 1, f"the section `# {name}` is empty")
    return system + 1, user


@functools.cache
def _environment() -> Environment:
    """Templates reach nothing but the text that they are given; a missing name is an error and not an empty text."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # the text goes to a language model, not to a browser
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.lru_cache(maxsize=16)
def _template(source: str) -> Template:
    return _environment().from_string(source)


def _used(source: str) -> set[str]:
    """The variables that a template reads; it is compiled too, which finds unknown filters."""
    from jinja2.meta import find_undeclared_variables

    _template(source)
    return find_undeclared_variables(_environment().parse(source))


def _given(name: str) -> str:
    """What a prompt of this name is given, in words."""
    purpose = PURPOSES.get(name)
    return f"given are: {', '.join([*purpose.needed, *purpose.optional])}" if purpose else _REMEDY


def _line_with(key: str, lines: list[str]) -> int:
    """The line of the file that sets a key of the front matter."""
    setting = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    return next((number + 2 for number, line in enumerate(lines) if setting.match(line.lstrip(" ["))), 1)


def _article(kind: type) -> str:
    return {"str": "a text in quotes", "int": "a whole number", "list": "a list"}[kind.__name__]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _fail(path: Path, line: int, what: str, remedy: str = _REMEDY, cause: Exception | None = None) -> NoReturn:
    raise BadPrompt(f"{path.name}: line {line}: {what}", remedy[:1].upper() + remedy[1:]) from cause
