from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rag.index import Index
from tests.cli.process import Commands

_ANSWERED = "what did China say in Geneva?"
_UNANSWERED = "what did India say in Geneva?"

_TEXT, _MAYBE = (str,), (str, type(None))
_ANSWER: dict[str, tuple[type, ...]] = {
    "schema": (int,),
    "question": _TEXT,
    "answer": _MAYBE,
    "abstained": (bool,),
    "confidence": (float,),
    "mode": _TEXT,
    "citations": (list,),
    "passages": (list,),
    "index": (dict,),
    "timings_ms": (dict,),
}
_CITATION: dict[str, tuple[type, ...]] = {
    "n": (int,),
    "article_id": _TEXT,
    "title": _TEXT,
    "source": _MAYBE,
    "authors": (list,),
    "published": _MAYBE,
    "url": _MAYBE,
    "path": _MAYBE,
    "quote": _TEXT,
    "start": (int,),
    "end": (int,),
    "score": (float,),
    "speaker": _MAYBE,
    "also_in": (list,),
}
_PASSAGE: dict[str, tuple[type, ...]] = {
    "rank": (int,),
    "passage_id": _TEXT,
    "article_id": _TEXT,
    "text": _TEXT,
    "start": (int,),
    "end": (int,),
    "score": (float,),
}
_INDEX: dict[str, tuple[type, ...]] = {"path": _TEXT, "articles": (int,), "passages": (int,), "digest": _TEXT}
# What came to schema version 1 since; additions are allowed, changes are not.
_ADDED = {
    "answer": {"notes", "parts", "conflicts", "witnesses", "when", "claims", "claim_counts", "llm"},
    "citation": {"published_text", "verb", "addressee"},
}


def _holds(found: dict[str, Any], schema: dict[str, tuple[type, ...]], added: set[str] | None = None) -> None:
    assert set(found) == set(schema) | (added or set())
    for name, types in schema.items():
        assert type(found[name]) in types, name


def _check(answer: dict[str, Any]) -> None:
    """An answer holds to schema version 1 of the design."""
    _holds(answer, _ANSWER, _ADDED["answer"])
    _holds(answer["index"], _INDEX)
    assert answer["schema"] == 1
    assert answer["mode"] == "extractive"
    assert 0 <= answer["confidence"] <= 1
    assert all(type(name) is str and type(ms) is float for name, ms in answer["timings_ms"].items())
    for rank, passage in enumerate(answer["passages"], start=1):
        _holds(passage, _PASSAGE)
        assert passage["rank"] == rank
    for n, citation in enumerate(answer["citations"], start=1):
        _holds(citation, _CITATION, _ADDED["citation"])
        assert citation["n"] == n
        assert citation["published"] is None or re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", citation["published"])
    assert answer["abstained"] is (answer["answer"] is None) is (answer["citations"] == [])


def test_an_answer_exits_with_0_and_shows_quotes_and_sources(commands: Commands, seeds_index: Index) -> None:
    done = commands.ask(_ANSWERED)
    assert (done.code, done.err) == (0, "")
    quotes = re.findall(r"^“?(.+?)”? \[(\d)\]$", done.out, re.MULTILINE)
    sources = re.findall(r"^\[(\d)\] .+ · .+ · (\S+) (\d+)–(\d+)$", done.out, re.MULTILINE)
    assert [n for _, n in quotes] == [n for n, *_ in sources] == list("123")[: len(quotes)]
    texts = {article.path: article.text for article in seeds_index.articles()}
    for (quote, _), (_, path, start, end) in zip(quotes, sources, strict=True):
        assert quote in texts[path][int(start) : int(end)]


def test_an_abstention_exits_with_3_and_says_so(commands: Commands) -> None:
    done = commands.ask(_UNANSWERED)
    assert done.code == 3
    assert done.out.startswith("Nothing in the 5 articles answers this (confidence ")
    assert "\nNearest:\n- " in done.out
    assert "[1]" not in done.out


def test_a_question_needs_no_quotation_marks(commands: Commands) -> None:
    done = commands.ask("--json", "who", "launched", "xAI")
    assert json.loads(done.out)["question"] == "who launched xAI"


def test_json_of_an_answer_holds_the_schema_and_quotes_the_stored_text(commands: Commands) -> None:
    done = commands.ask(_ANSWERED, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    answer = json.loads(done.out)
    _check(answer)
    assert not answer["abstained"]
    assert [int(n) for n in re.findall(r"\[(\d+)\]", answer["answer"])] == [c["n"] for c in answer["citations"]]
    assert answer["answer"] == " ".join(f"{c['quote']} [{c['n']}]" for c in answer["citations"])
    texts: dict[str, str] = {}
    for citation in answer["citations"]:
        name = citation["article_id"]
        texts[name] = texts.get(name) or commands.rag("show", name, "--text").out
        assert texts[name][citation["start"] : citation["end"]] == citation["quote"]
    for passage in answer["passages"]:
        if passage["article_id"] in texts:
            assert texts[passage["article_id"]][passage["start"] : passage["end"]] == passage["text"]


def test_json_of_an_abstention_holds_the_schema(commands: Commands) -> None:
    done = commands.ask(_UNANSWERED, "--json")
    assert done.code == 3
    answer = json.loads(done.out)
    _check(answer)
    assert answer["abstained"]
    assert len(answer["passages"]) == 5


def test_json_names_the_index(commands: Commands, seeds_index: Index) -> None:
    assert json.loads(commands.ask("who launched xAI", "--json").out)["index"] == seeds_index.info.model_dump()


def test_the_same_question_twice_is_the_same_but_for_the_time(commands: Commands) -> None:
    one, other = (commands.ask(_ANSWERED, "--json").out for _ in range(2))
    timings = re.compile(r'"timings_ms": \{[^{}]*\}')
    assert len(timings.findall(one)) == 1
    assert timings.sub("", one) == timings.sub("", other)


def test_questions_from_a_pipe_give_a_document_a_line(commands: Commands) -> None:
    done = commands.ask("--json", stdin=f"{_UNANSWERED}\n\n  {_ANSWERED}  \r\nwho launched xAI")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [answer["question"] for answer in answers] == [_UNANSWERED, _ANSWERED, "who launched xAI"]
    assert [answer["abstained"] for answer in answers] == [True, False, False]
    for answer in answers:
        _check(answer)
    assert done.code == 0


def test_a_pipe_of_questions_without_an_answer_exits_with_3(commands: Commands) -> None:
    assert commands.ask(stdin=f"{_UNANSWERED}\nWho won the World Cup?\n").code == 3


def test_a_refused_question_in_a_pipe_does_not_stop_the_others(commands: Commands) -> None:
    done = commands.ask("--json", stdin="?!\nwho launched xAI\n")
    assert done.code == 2
    refused, answered = map(json.loads, done.out.splitlines())  # a line each, in their order
    assert refused == {
        "schema": 1,
        "question": "?!",
        "error": "the question has no words. Ask in a sentence, in quotes",
    }
    assert (answered["question"], answered["abstained"]) == ("who launched xAI", False)
    assert re.fullmatch(r"error: the question has no words\. .+\n", done.err)


def test_k_is_how_many_passages_are_shown(commands: Commands) -> None:
    assert len(json.loads(commands.ask("who launched xAI", "--json", "--k", "2").out)["passages"]) == 2
    assert len(json.loads(commands.ask("who launched xAI", "--json", RAG_K="3").out)["passages"]) == 3


def test_a_date_filter_says_what_it_leaves_out(commands: Commands) -> None:
    done = commands.ask("What will be discussed in Geneva?", "--since", "2024-05-01", "--until", "2024-05-31", "--json")
    answer = json.loads(done.out)
    assert answer["passages"]
    assert len({passage["article_id"] for passage in answer["passages"]}) == 1
    assert any("without a date" in note for note in answer["notes"])


def test_a_source_filter_ignores_case(commands: Commands) -> None:
    answer = json.loads(commands.ask("what did Musk say about China?", "--source", "AXIOS", "--json").out)
    articles = {passage["article_id"] for passage in answer["passages"]}
    shown = json.loads(commands.rag("list", "--source", "Axios", "--json").out)
    assert articles == {article["id"] for article in shown}
    assert len(articles) == 1


@pytest.mark.parametrize(("confidence", "code"), [("0", 0), ("1", 3)])
def test_the_threshold_can_be_set(commands: Commands, confidence: str, code: int) -> None:
    assert commands.ask("who launched xAI", "--min-confidence", confidence).code == code


def test_notes_go_to_standard_error(commands: Commands) -> None:
    done = commands.ask("who launched xAI", "--since", "2024-05-01")
    assert done.err.startswith("note: ")
    assert "note" not in done.out


def test_version_and_help(commands: Commands) -> None:
    assert re.fullmatch(r"ask \d+\.\d+\.\d+\n", commands.ask("--version").out)
    done = commands.ask("--help")
    assert done.code == 0
    for option in ("--json", "--k", "--since", "--until", "--source", "--index"):
        assert option in done.out
