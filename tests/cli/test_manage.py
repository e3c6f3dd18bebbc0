from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.index import Index
from tests.cli.process import Commands

_FERRY = "Ferry sinks\n\nThe ferry Aurora sank near Oslo on Monday, the coast guard said. Twelve people were saved.\n"


@pytest.fixture
def ferry(tmp_path: Path) -> Path:
    path = tmp_path / "news" / "ferry.txt"
    path.parent.mkdir()
    path.write_text(_FERRY, encoding="utf-8")
    return path


def test_add_ask_and_remove(fresh: Commands, ferry: Path) -> None:
    done = fresh.rag("add", str(ferry))
    (article,) = json.loads(fresh.rag("list", "--json").out)
    told = f"added     {article['id']}  Ferry sinks\nadded 1, updated 0, unchanged 0, skipped 0\n"
    assert (done.code, done.out, done.err) == (0, told, "")
    answer = json.loads(fresh.ask("Where did the ferry Aurora sink?", "--json").out)
    assert answer["citations"][0]["quote"] == "The ferry Aurora sank near Oslo on Monday, the coast guard said."
    again = fresh.rag("add", "--json", str(ferry.parent))
    assert {**json.loads(again.out), "outcomes": None} == {
        "added": 0,
        "updated": 0,
        "unchanged": 1,
        "skipped": 0,
        "removed": 0,
        "interrupted": False,
        "notes": [],
        "outcomes": None,
    }
    assert fresh.rag("remove", article["id"]).out == f"removed  {article['id']}  Ferry sinks\n"
    assert json.loads(fresh.rag("list", "--json").out) == []
    assert json.loads(fresh.rag("status", "--json").out)["articles"] == 0


def test_add_replaces_a_file_that_changed(fresh: Commands, ferry: Path) -> None:
    fresh.rag("add", str(ferry))
    ferry.write_text(_FERRY.replace("Twelve", "Thirteen"), encoding="utf-8")
    assert fresh.rag("add", str(ferry)).out.splitlines()[-1] == "added 0, updated 1, unchanged 0, skipped 0"
    assert "Thirteen" in fresh.rag("search", "people saved").out


def test_list_shows_every_article(commands: Commands, seeds_index: Index) -> None:
    done = commands.rag("list")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()] == [article.id for article in seeds_index.articles()]


def test_list_by_author_and_by_date(commands: Commands, seeds_index: Index) -> None:
    author = next(article.authors[0] for article in seeds_index.articles() if article.authors)
    by_author = json.loads(commands.rag("list", "--json", "--author", author.upper()).out)
    assert by_author
    assert all(author in [*a["authors"], *a["contributors"], *a["editors"]] for a in by_author)
    by_date = json.loads(commands.rag("list", "--json", "--until", "2024-05-13").out)
    assert [article["published"] for article in by_date] == ["2024-05-13"]


def test_show_prints_the_stored_text_unchanged(commands: Commands, seeds_index: Index) -> None:
    article = next(iter(seeds_index.articles()))
    assert commands.rag("show", article.id, "--text").out == article.text
    assert json.loads(commands.rag("show", article.id[:8], "--json").out)["text"] == article.text


def test_show_tells_every_field_and_what_is_not_the_story(commands: Commands, seeds_index: Index) -> None:
    article = next(article for article in seeds_index.articles() if article.marks and article.title)
    shown = commands.rag("show", article.id).out
    assert f"title           {article.title}" in shown
    assert shown.count("not the story   ") == len(article.marks)
    assert article.text.strip() in shown


def test_search_finds_passages_best_first(commands: Commands) -> None:
    hits = json.loads(commands.rag("search", "AI Safety Summit Bletchley Park", "--k", "3", "--json").out)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert "Bletchley Park" in hits[0]["text"]
    assert commands.rag("search", "AI Safety Summit Bletchley Park", "--k", "1").out.startswith("1. ")
    assert commands.rag("search", "summit", "--source", "nowhere").out == "nothing found\n"


def test_status_is_that_of_the_manifest(commands: Commands, seeds_index: Index) -> None:
    status = json.loads(commands.rag("status", "--json").out)
    sizes = status.pop("bytes")
    assert status == {"path": seeds_index.info.path, **seeds_index.manifest.model_dump()}
    assert sizes.keys() == {"catalog", "vectors", "words"}
    assert sizes["vectors"] > seeds_index.manifest.passages * 384 * 4
    shown = commands.rag("status").out
    assert seeds_index.manifest.digest in shown
    assert "every vector is compared" in shown


def test_eval_writes_a_record_that_gates(commands: Commands, tmp_path: Path) -> None:
    lines = [
        {"id": f"q{n}", "question": f"Who won the {n} World Cup?", "answerable": False} for n in (1998, 2002, 2006)
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    first = commands.rag("eval", "--gold", "gold.jsonl", "--out", "run.json")
    assert first.code == 0
    assert "3 unanswerable questions" in first.out
    same = commands.rag("eval", "--gold", "gold.jsonl", "--gate", "run.json")
    assert same.code == 0
    assert same.out.endswith("gate passed\n")
    fallen = commands.rag("eval", "--gold", "gold.jsonl", "--gate", "run.json", "--min-confidence", "0", "--json")
    assert fallen.code == 1
    assert json.loads(fallen.out)["sets"][0]["run"]["min_confidence"] == 0
    assert [line.split()[:2] for line in fallen.err.splitlines() if line.split()[:1] == ["worse"]] == [
        ["worse", "q1998"],
        ["worse", "q2002"],
        ["worse", "q2006"],
    ]
    assert fallen.err.endswith("gate failed: a figure fell significantly (gold)\n")


def test_bench_prints_and_writes_a_page(commands: Commands, tmp_path: Path) -> None:
    done = commands.rag("bench", "cold", "--rounds", "1", "--against", "nothing=true", "--out", "page.md")
    assert done.code == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.out
    assert [line.split(" | ")[0] for line in done.out.splitlines()[-2:]] == ["| ask", "| nothing"]


def test_bench_warm_prints_and_writes_a_page(commands: Commands, tmp_path: Path) -> None:
    done = commands.rag("bench", "warm", "--rounds", "1", "--limit", "2", "--out", "page.md")
    assert done.code == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.out
    assert "2 questions of `gold.jsonl`" in done.out
    low, middle, high = (float(cell) for cell in done.out.splitlines()[-1].strip("| ").split(" | "))
    assert 0 < low <= middle <= high


def test_bench_names_what_it_runs_against(commands: Commands) -> None:
    done = commands.rag("bench", "cold", "--against", "true")
    assert done.code == 2
    assert "NAME=COMMAND" in done.err


def test_help_names_every_command(commands: Commands) -> None:
    shown = commands.rag("--help").out
    for command in ("add", "remove", "list", "show", "search", "status", "eval", "bench"):
        assert f"\n  {command} " in shown
