from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from rag.index import Index
from tests.cli.process import Commands

_QUESTION = "what did China say in Geneva?"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINK = re.compile(r"\x1b\]8;[^;]*;([^\x1b\x07]*)\x1b\\")
_STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


def _plain(sent: str) -> str:
    return _COLOUR.sub("", _LINK.sub("", sent))


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in line)


def _harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


def test_an_answer_has_colours_links_and_no_line_too_wide(commands: Commands, seeds_index: Index) -> None:
    code, sent = commands.on_terminal("ask", _QUESTION)
    assert code == 0
    assert _COLOUR.search(sent)
    paths = {Path(article.path).as_uri() for article in seeds_index.articles() if article.path}
    links = [link for link in _LINK.findall(sent) if link]
    assert links
    assert set(links) <= paths
    plain = _plain(sent)
    assert _harmless(plain)
    assert all(_width(line) <= 80 for line in plain.split("\n"))
    quote = commands.ask(_QUESTION).out.split("\n", 1)[0]
    assert " ".join(quote.split()) in " ".join(plain.split())


def test_the_words_of_the_question_stand_out(commands: Commands) -> None:
    _, sent = commands.on_terminal("ask", _QUESTION)
    bold = re.findall(r"\x1b\[1m(.*?)\x1b\[0m", sent)
    assert bold
    assert set(bold) <= {"China", "Chinese", "Beijing", "Geneva"}


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_that_wants_no_colour_gets_no_escape_codes(commands: Commands, environment: dict[str, str]) -> None:
    for question in (_QUESTION, "Who won the 2022 World Cup final?"):
        _, sent = commands.on_terminal("ask", question, **environment)
        assert len(sent) > 200
        assert "\x1b" not in sent


def test_a_pipe_gets_no_escape_codes(commands: Commands) -> None:
    assert "\x1b" not in commands.ask(_QUESTION).out
    assert "\x1b" not in commands.ask(_QUESTION, TERM="xterm-256color", COLORTERM="truecolor").out
    assert "\x1b" not in commands.rag("search", "Geneva").out


def test_an_abstention_fits_the_terminal(commands: Commands) -> None:
    code, sent = commands.on_terminal("ask", "Who won the 2022 World Cup final?")
    assert code == 3
    assert "Nothing in the 5 articles answers this" in _plain(sent)
    assert all(_width(line) <= 80 for line in _plain(sent).split("\n"))


def test_an_error_on_a_terminal_is_a_line(commands: Commands) -> None:
    code, sent = commands.on_terminal("ask", "?")
    assert code == 2
    assert re.fullmatch(r"error: .+\n", sent)


def test_a_conversation_answers_until_an_empty_line(commands: Commands) -> None:
    code, sent = commands.on_terminal("ask", typed="who launched xAI\n?\n\n")
    assert code == 0
    assert sent.count("ask> ") == 3
    assert "[1]" in _plain(sent)
    assert "error: the question has no words" in sent
    assert _harmless(_plain(sent).replace("\t", ""))


def test_a_conversation_ends_with_the_end_of_input(commands: Commands) -> None:
    code, sent = commands.on_terminal("ask", typed="\x04")
    assert code == 0
    assert "Traceback" not in sent


@pytest.fixture
def steered(fresh: Commands, tmp_path: Path) -> Commands:
    """With an article that tries to steer the terminal from every field."""
    record = {
        "id": f"x{_STEERING}",
        "title": f"Ferry{_STEERING} sinks [bold]",
        "source": f"Out{_STEERING}let",
        "authors": [f"Marta{_STEERING} Velling"],
        "url": f"https://lantern.example/{_STEERING}ferry?a=b c",
        "published": f"May{_STEERING} 5",
        "text": f"The ferry {_STEERING}Aurora sank [red]near[/red] Oslo on Monday, the coast guard said.",
    }
    (tmp_path / "news.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert fresh.rag("add", "news.jsonl").code == 0
    return fresh


def test_an_article_cannot_steer_the_terminal(steered: Commands) -> None:
    _, sent = steered.on_terminal("ask", "Where did the ferry Aurora sink?", "--min-confidence", "0")
    assert "[red]near[/red] Oslo" in _plain(sent)
    assert _harmless(_plain(sent))
    link, *_ = _LINK.findall(sent)
    assert link.startswith("https://lantern.example/%1B]0;owned%07")
    assert link.isascii()
    assert " " not in link


def test_an_article_cannot_steer_through_a_pipe_or_an_abstention(steered: Commands) -> None:
    assert _harmless(steered.ask("Where did the ferry Aurora sink?", "--min-confidence", "0").out)
    assert _harmless(steered.ask("Who won the World Cup?").out)
    _, sent = steered.on_terminal("ask", "Who won the World Cup?")
    assert _harmless(_plain(sent))


@pytest.mark.parametrize("arguments", [("list",), ("search", "ferry"), ("show", "x")], ids=lambda value: value[0])
def test_no_other_command_lets_it_through(steered: Commands, arguments: tuple[str, ...]) -> None:
    if arguments[0] == "show":
        (article,) = json.loads(steered.rag("list", "--json").out)
        arguments = ("show", article["id"])
    code, sent = steered.on_terminal("rag", *arguments)
    assert code == 0
    assert "ferry" in sent.lower()
    assert _harmless(_plain(sent))


def test_an_error_cannot_steer_the_terminal(commands: Commands) -> None:
    code, sent = commands.on_terminal("rag", "show", f"x{_STEERING}")
    assert code == 1
    assert _harmless(sent)


def test_an_address_that_is_not_of_the_web_is_no_link(fresh: Commands, tmp_path: Path) -> None:
    record = {"text": "The ferry Aurora sank near Oslo on Monday.", "url": "javascript:alert(1)"}
    (tmp_path / "news.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert fresh.rag("add", "news.jsonl").code == 0
    _, sent = fresh.on_terminal("ask", "Where did the ferry Aurora sink?", "--min-confidence", "0")
    assert "javascript:alert(1)" in _plain(sent)
    assert not _LINK.search(sent)


def test_adding_shows_progress_on_a_terminal_and_none_in_a_pipe(fresh: Commands, tmp_path: Path) -> None:
    (tmp_path / "ferry.txt").write_text("The ferry Aurora sank near Oslo on Monday.", encoding="utf-8")
    _, sent = fresh.on_terminal("rag", "add", "ferry.txt")
    assert "passages" in sent
    assert fresh.rag("add", "ferry.txt").err == ""
