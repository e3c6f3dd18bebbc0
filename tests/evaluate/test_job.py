from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.add import Progress
from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate.gate import compare_all, load_runs
from rag.evaluate.job import Done, Job, Watch, do, write
from rag.evaluate.report import overview
from tests.evaluate.test_sets import make_set
from tests.stand_in import StandIn


def _do(job: Job, stand_in: StandIn, asked: list[tuple[str, int, int]] | None = None) -> Done:
    @contextlib.contextmanager
    def adding() -> Iterator[Progress]:
        yield lambda _: None

    @contextlib.contextmanager
    def asking(name: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: asked.append((name, done, total)) if asked is not None else None

    return do(job, Settings(passage_tokens=20), Watch(lambda _: None, adding, asking), stand_in)


def test_several_sets_are_measured_and_written(tmp_path: Path, stand_in: StandIn) -> None:
    folders = [make_set(tmp_path / "one"), make_set(tmp_path / "two", ["The ferry sank near Oslo on Monday."])]
    asked: list[tuple[str, int, int]] = []
    done = _do(Job(folders, cache=tmp_path / "cache"), stand_in, asked)
    assert asked == [("one", 1, 2), ("one", 2, 2), ("two", 1, 2), ("two", 2, 2)]
    assert [one.measured.run.articles for one in done.sets] == [2, 1]
    assert done.sets[0].measured.figures["passage hit@1"].value == 1
    write(done, out=tmp_path / "run.json", summary_page=tmp_path / "run.md", report=tmp_path / "report")
    runs = load_runs(tmp_path / "run.json")
    assert runs == [one.measured.run for one in done.sets]
    assert all(verdict.passed for verdict in compare_all(runs, runs))
    page = (tmp_path / "run.md").read_text(encoding="utf-8")
    assert "## one" in page
    assert "| passage hit@1 | 1.000 | [1.000, 1.000] |" in page
    assert "Where did the ferry" not in page
    assert (tmp_path / "report" / "index.html").is_file()
    heading, *rows = overview([one.measured for one in done.sets]).splitlines()
    assert heading.split() == ["one", "two"]
    assert all(row.split()[-2:] for row in rows)


def test_a_gold_file_is_asked_of_several_corpora(tmp_path: Path, stand_in: StandIn) -> None:
    folder = make_set(tmp_path / "one")
    more = tmp_path / "more"
    more.mkdir()
    (more / "storm.txt").write_text("Storm\n\nThe storm came at night. Nobody was hurt in the town.\n")
    job = Job(gold=folder / "questions.jsonl", corpora=[folder, more], cache=tmp_path / "cache")
    (only,) = _do(job, stand_in).sets
    assert (only.measured.run.gold, only.measured.run.articles) == ("questions", 3)


def test_a_limit_asks_fewer(tmp_path: Path, stand_in: StandIn) -> None:
    (only,) = _do(Job([make_set(tmp_path / "one")], limit=1, cache=tmp_path / "cache"), stand_in).sets
    assert len(only.measured.run.results) == 1


def test_what_cannot_be_meant_is_refused(tmp_path: Path, stand_in: StandIn) -> None:
    folder = make_set(tmp_path / "one")
    (tmp_path / "deeper").mkdir()
    twin = make_set(tmp_path / "deeper" / "one")
    for job, said in (
        (Job([folder], gold=folder / "questions.jsonl"), "at once"),
        (Job([folder], corpora=[folder]), "goes with"),
        (Job([folder, twin]), "two sets are called one"),
    ):
        with pytest.raises(BadInput, match=said):
            _do(job, stand_in)


def test_sentences_alone_need_no_index(tmp_path: Path, stand_in: StandIn) -> None:
    folder = make_set(tmp_path / "one")
    sentence = {"id": "s", "doc_id": "a0", "quote": "The ferry sank near Oslo on Monday.", "speaker": None}
    (tmp_path / "speech.jsonl").write_text(json.dumps(sentence) + "\n")
    done = _do(Job(speech=tmp_path / "speech.jsonl", corpora=[folder]), stand_in)
    assert done.sets == []
    assert done.spoken is not None
    assert [item.verdict for item in done.spoken.heard] == ["nobody, rightly"]
    assert json.loads(json.dumps(done.record))["speech"]["name"] == "speech.jsonl"
    assert stand_in.encoded == 0
