from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rag import prompts
from rag.errors import BadPrompt
from rag.resources import resource

_GIVEN = {"question": "Who sank?", "passages": "[1] Aurora sank.", "most_claims": 4, "today": "2024-05-13"}
_FRONT = """+++
name = "answer"
version = 3
description = "Mine."
variables = ["question", "passages"]
+++
"""
_GOOD = (
    _FRONT
    + """
# System

Answer from passages.

# User

{{ passages }}
{% if question %}
Asked: {{ question }}
{% endif %}
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    return path


def _written(folder: Path, text: str, name: str = "answer.md") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def _fault(folder: Path, text: str) -> str:
    with pytest.raises(BadPrompt) as caught:
        prompts.read(_written(folder, text))
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value.message


def test_the_prompt_that_comes_with_the_package_fits_its_purpose() -> None:
    prompt = prompts.load("answer")
    assert prompt.path == resource("prompts") / "answer.md"
    assert prompt.built_in
    assert prompts.check(prompt) == []
    assert prompt.digest == hashlib.sha256(prompt.path.read_bytes()).hexdigest()


def test_every_purpose_has_a_prompt_and_every_prompt_a_purpose() -> None:
    found = prompts.listed()
    assert [prompt.name for prompt in found if isinstance(prompt, prompts.Prompt)] == sorted(prompts.PURPOSES)
    assert len(found) == len(prompts.PURPOSES)


def test_the_answer_prompt_gives_passages_question_and_bound() -> None:
    (system_role, system), (user_role, user) = prompts.load("answer").render(**_GIVEN)
    assert (system_role, user_role) == ("system", "user")
    assert "4 at most" in system
    assert '{"claims": [{"text": ' in system
    assert "[1] Aurora sank." not in system
    assert '"passage 1 begins"' in system
    assert user.index("[1] Aurora sank.") < user.index("Who sank?")
    assert "{%" not in system + user
    assert "{{" not in system + user


def test_what_is_filled_in_is_no_template() -> None:
    (_, system), (_, user) = prompts.load("answer").render(
        **{**_GIVEN, "passages": "{{ 7 * 7 }} {% raw %} # System\n+++", "question": "{{ passages }}?"}
    )
    assert "{{ 7 * 7 }} {% raw %} # System\n+++" in user
    assert "{{ passages }}?" in user
    assert "49" not in system + user


def test_a_users_folder_comes_first(folder: Path) -> None:
    assert prompts.load("answer", folder).built_in
    path = _written(folder, _GOOD)
    prompt = prompts.load("answer", folder)
    assert (prompt.version, prompt.description, prompt.path, prompt.built_in) == (3, "Mine.", path, False)
    assert prompts.listed(folder) == [prompt]
    assert prompt.render(**_GIVEN) == [
        ("system", "Answer from passages."),
        ("user", "[1] Aurora sank.\nAsked: Who sank?"),
    ]


def test_a_prompt_is_frozen(folder: Path) -> None:
    prompt = prompts.read(_written(folder, _GOOD))
    with pytest.raises(dataclasses.FrozenInstanceError):
        prompt.system = ""  # type: ignore[misc]


def test_a_readme_is_no_prompt(folder: Path) -> None:
    _written(folder, "# Mine", "README.md")
    assert [type(one) for one in prompts.listed(folder)] == [prompts.Prompt]
    with pytest.raises(BadPrompt, match=re.escape("no prompt 'README'. Known are: answer")):
        prompts.load("README", folder)


def test_line_ends_and_a_byte_order_mark_change_nothing_that_is_said(folder: Path) -> None:
    unix = prompts.read(_written(folder, _GOOD))
    windows = prompts.read(_written(folder, _GOOD.replace("\n", "\r\n")))
    marked = prompts.read(_written(folder, "\ufeff" + _GOOD))
    assert windows == unix
    assert marked.render(**_GIVEN) == unix.render(**_GIVEN)


def test_any_change_of_the_file_changes_the_digest(folder: Path) -> None:
    one = prompts.read(_written(folder, _GOOD))
    other = prompts.read(_written(folder, _GOOD.replace("Mine.", "Mine!")))
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("+++\nname", "name", "line 1: the file does not start with TOML between two +++ lines"),
        ("]\n+++\n", "]\n", "line 1: the file does not start with TOML between two +++ lines"),
        ("version = 3", "version = ", "line 3: "),
        ("version = 3\n", "", "line 1: 'version' is missing"),
        ("version = 3", 'version = "3"', "line 3: 'version' is not a whole number"),
        ("version = 3", "version = true", "line 3: 'version' is not a whole number"),
        ("version = 3", "version = 0", "line 3: the version is below 1"),
        ('"Mine."', "1", "line 4: 'description' is not a text in quotes"),
        ('"Mine."', '"Mine."\nmodel = "m"', "line 5: 'model' is not known; known are: name, version"),
        ('name = "answer"', 'name = "other"', "line 2: the name is 'other', and the file's 'answer'"),
        ('["question", "passages"]', '["question", 5]', "line 5: 'variables' is not a list of different names"),
        ('["question", "passages"]', '["a b"]', "line 5: 'variables' is not a list of different names"),
        ('["question", "passages"]', '["a", "a"]', "line 5: 'variables' is not a list of different names"),
        ("# System", "# Sistem", "line 12: the sections are not `# System`, then `# User`, once each"),
        ("# User", "# User\n\n# User", "line 14: the sections are not `# System`, then `# User`, once each"),
        ("# System", "Hello\n\n# System", "line 8: there is text before `# System`"),
        ("Answer from passages.", "", "line 8: the section `# System` is empty"),
    ],
)
def test_a_file_that_is_laid_out_wrongly_says_where(folder: Path, old: str, new: str, fault: str) -> None:
    assert old in _GOOD
    said = _fault(folder, _GOOD.replace(old, new, 1))
    assert said.startswith("answer.md: line ")
    assert fault in said


def test_the_sections_the_other_way_round_are_refused(folder: Path) -> None:
    swapped = _GOOD.replace("# User", "# X").replace("# System", "# User").replace("# X", "# System")
    assert "the sections are not" in _fault(folder, swapped)


def test_a_file_that_cannot_be_read_says_so(folder: Path) -> None:
    path = folder / "answer.md"
    path.write_bytes(_GOOD.encode() + b"\xff")
    with pytest.raises(BadPrompt, match=r"answer\.md cannot be read: it is not UTF-8"):
        prompts.load("answer", folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadPrompt, match=r"answer\.md cannot be read: is a directory"):
        prompts.load("answer", folder)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadPrompt, match="--prompts"):
        prompts.listed(tmp_path / "none")


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ("{{ passages }}", "{{ passages }} {{ today }}", ["line 1: uses 'today', which `variables` does not declare"]),
        ('"passages"]', '"passages", "today"]', ["line 1: declares 'today', and does not use it"]),
        (
            "{{ passages }}",
            "",
            ["line 1: declares 'passages', and does not use it", "line 1: does not use 'passages', which it needs"],
        ),
        ("{% endif %}", "", ["line 16: # User: Unexpected end of template"]),
        ("Answer from passages.", "Answer\n{{ from }", ["line 11: # System: "]),
        ("{{ passages }}", "{{ passages | shout }}", ["line 14: # User: No filter named 'shout'"]),
        ("{{ passages }}", "\n{{ passages + 1 }}", ["line 15: # User: can only concatenate str"]),
        ("{{ passages }}", "{{ passages.outlet }}", ["line 14: # User: 'str object' has no attribute 'outlet'"]),
        ("{{ passages }}", "{{ passages }}{% include 'x' %}", ["line 14: # User: "]),
        ("{{ passages }}", "{{ passages.__class__.__mro__ }}", ["line 14: # User: "]),
    ],
)
def test_a_prompt_that_does_not_fit_says_why(folder: Path, old: str, new: str, faults: list[str]) -> None:
    assert old in _GOOD
    found = prompts.check(prompts.read(_written(folder, _GOOD.replace(old, new, 1))))
    assert len(found) == len(faults)
    assert all(one.startswith(fault) for one, fault in zip(found, faults, strict=True)), found
    with pytest.raises(BadPrompt, match=re.escape(f"answer.md: {found[0]}")):
        prompts.load("answer", folder)


def test_a_variable_that_no_one_gives_is_a_fault(folder: Path) -> None:
    text = _GOOD.replace('"passages"]', '"passages", "mood"]').replace("Answer", "{{ mood }}: answer")
    (fault,) = prompts.check(prompts.read(_written(folder, text)))
    assert fault == "line 1: is never given 'mood'; given are: question, passages, most_claims, today"


def test_a_prompt_for_nothing_is_a_fault_and_leaves_the_others(folder: Path) -> None:
    _written(folder, _GOOD.replace('"answer"', '"summary"'), "summary.md")
    answer, summary = prompts.listed(folder)
    assert isinstance(answer, prompts.Prompt)
    assert isinstance(summary, prompts.Prompt)
    assert prompts.check(answer) == []
    assert prompts.check(summary) == ["line 1: nothing asks for a prompt 'summary'; known are: answer"]


def test_a_broken_file_is_listed_as_its_fault_and_never_passed_over(folder: Path) -> None:
    _written(folder, "nothing")
    (fault,) = prompts.listed(folder)
    assert isinstance(fault, BadPrompt)
    with pytest.raises(BadPrompt):
        prompts.load("answer", folder)


def test_a_declared_variable_without_a_value_is_an_error_and_an_undeclared_one_is_not_given(folder: Path) -> None:
    prompt = prompts.read(_written(folder, _GOOD))
    with pytest.raises(BadPrompt, match="'passages' is declared, and has no value"):
        prompt.render(question="Who?")
    late = prompts.read(_written(folder, _GOOD.replace("Answer", "{{ today }}: answer")))
    with pytest.raises(BadPrompt, match="line 10: # System: 'today' is undefined"):
        late.render(**_GIVEN)


def test_importing_prompts_imports_no_template_library() -> None:
    code = "import sys, rag.prompts; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
