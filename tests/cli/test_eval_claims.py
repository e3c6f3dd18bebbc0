"""`rag eval --claims`, and that `rag eval` asks no language model."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import llm
from rag.add import Progress
from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate.job import Done, Job, Watch, do, write
from rag.index import Index
from tests.cli.process import Commands
from tests.evaluate.test_sets import make_set
from tests.stand_in import StandIn


def _claims(path: Path, *rows: tuple[str, str, str, str]) -> Path:
    names = ("id", "doc_id", "claim", "label")
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows), encoding="utf-8")
    return path


def _do(job: Job, stand_in: StandIn, settings: Settings, shown: list[tuple[str, int, int]] | None = None) -> Done:
    @contextlib.contextmanager
    def adding() -> Iterator[Progress]:
        yield lambda _: None

    @contextlib.contextmanager
    def asking(name: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: shown.append((name, done, total)) if shown is not None else None

    return do(job, settings, Watch(lambda _: None, adding, asking), stand_in)


_TRUE = ("t", "a0", "The ferry sank near Oslo on Monday.", "supported")
_FALSE = ("f", "a0", "The ferry sank near Paris in 1987.", "unsupported")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_set(tmp_path / "one") / "corpus.jsonl"


def test_claims_are_measured_on_an_index_of_the_corpus(commands: Commands, corpus: Path, tmp_path: Path) -> None:
    claims = _claims(tmp_path / "claims.jsonl", _TRUE, _FALSE)
    out, summary = tmp_path / "out.json", tmp_path / "summary.md"
    arguments = ("--claims", str(claims), "--corpus", str(corpus), "--cache", str(tmp_path / "cache"))
    finished = commands.rag("eval", *arguments, "--out", str(out), "--summary", str(summary))
    assert (finished.code, finished.err) == (0, "")
    assert "claims: 1 supported, 1 unsupported claims on 1 articles" in finished.out
    assert "AUROC                               1.000  [1.000, 1.000]" in finished.out
    assert all(len(line) <= 80 for line in finished.out.splitlines())
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [one["id"] for one in written["claims"]["claims"]["judged"]] == ["t", "f"]
    assert "| AUROC | 1.000 | [1.000, 1.000] |" in summary.read_text(encoding="utf-8")
    again = commands.rag("eval", *arguments, "--only", str(_list_of(tmp_path, "f")), "--json")
    record = json.loads(again.out)["claims"]["claims"]
    assert record["labels"] == {"unsupported": 1}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def _list_of(folder: Path, *names: str) -> Path:
    path = folder / "only.txt"
    path.write_text("\n".join(names), encoding="utf-8")
    return path


def test_what_cannot_be_used_is_one_line(commands: Commands, corpus: Path, tmp_path: Path) -> None:
    claims = _claims(tmp_path / "claims.jsonl", _TRUE)
    for arguments, said in (
        (("--claims", str(claims), "--report", str(tmp_path / "report")), "--report does not show claims"),
        (("--claims", str(claims), "--claims", str(claims)), "two sets are called claims"),
        (("--claims", str(tmp_path / "none.jsonl")), "none.jsonl cannot be read"),
        (("--claims", str(corpus)), "corpus.jsonl line 1 is not a claim"),
        (("--claims", str(claims)), "claim t: article a0 is not in the index"),
        (("--claims", str(claims), "--only", str(_list_of(tmp_path, "x"))), "names none of the questions"),
    ):
        finished = commands.rag("eval", *arguments)
        assert (finished.code, finished.out) == (1, ""), arguments
        assert said in finished.err
        assert len(finished.err.splitlines()) <= 2, finished.err


def test_an_entailment_model_that_is_not_there_is_one_line(commands: Commands, corpus: Path, tmp_path: Path) -> None:
    claims = _claims(tmp_path / "claims.jsonl", _TRUE)
    arguments = ("--claims", str(claims), "--corpus", str(corpus), "--cache", str(tmp_path / "cache"))
    finished = commands.rag("eval", *arguments, "--entail", str(tmp_path / "nowhere"))
    assert (finished.code, finished.out) == (1, "")
    assert "nowhere" in finished.err


def test_several_files_share_one_index(tmp_path: Path, stand_in: StandIn, corpus: Path) -> None:
    question = {"id": "q", "question": _TRUE[2], "source_doc": "a0", "kind": "claim:supported"}
    (tmp_path / "ships").mkdir()
    second = tmp_path / "ships" / "questions.jsonl"
    second.write_text(json.dumps(question) + "\n", encoding="utf-8")
    shown: list[tuple[str, int, int]] = []
    job = Job(
        claims=[_claims(tmp_path / "first.jsonl", _TRUE, _FALSE), second], corpora=[corpus], cache=tmp_path / "cache"
    )
    done = _do(job, stand_in, Settings(passage_tokens=20), shown)
    assert shown == [("first", 1, 2), ("first", 2, 2), ("ships", 1, 1)]
    assert [(one.name, len(one.judged)) for one in done.verified] == [("first", 2), ("ships", 1)]
    assert done.sets == []
    assert len(list((tmp_path / "cache").iterdir())) == 1
    write(done, out=tmp_path / "out.json", summary_page=tmp_path / "page.md", report=None)
    written = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert list(json.loads(written)["claims"]) == ["first", "ships"]
    assert sum('"id": "t"' in line for line in written.splitlines()) == 1
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("#")] == ["# Evaluation", "## first", "## ships"]
    limited = _do(job._replace(limit=1), stand_in, Settings(passage_tokens=20)).verified
    assert [len(one.judged) for one in limited] == [1, 1]


def test_a_corpus_goes_with_claims_too(stand_in: StandIn, corpus: Path) -> None:
    with pytest.raises(BadInput, match="--gold, --speech or --claims"):
        _do(Job(corpora=[corpus]), stand_in, Settings())


def test_no_language_model_is_asked_whatever_the_settings_say(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(name: str, *_: object) -> None:
        asked.append(name)
        raise AssertionError

    monkeypatch.setattr(llm, "load", load)
    settings = Settings(llm="openai:some-model", passage_tokens=20, cache=tmp_path / "cache")
    folder = make_set(tmp_path / "one")
    (done,) = _do(Job([folder], cache=tmp_path / "sets"), stand_in, settings).sets
    assert done.measured.figures["passage hit@1"].value == 1
    assert asked == []
    with Index.create(tmp_path / "index", settings=settings, embedder=stand_in) as index:
        index.add(folder / "corpus.jsonl")
        with pytest.raises(AssertionError):
            index.ask("Where did the ferry sink?")
    assert asked == ["openai:some-model"]  # what `load` guards is what is asked elsewhere


def test_the_environments_language_model_is_not_asked(commands: Commands, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    row = {"id": "q", "question": "What did China say in Geneva?", "answerable": False, "kind": "near-miss"}
    gold.write_text(json.dumps(row) + "\n", encoding="utf-8")
    plain = commands.rag("eval", "--gold", str(gold), "--json")
    named = commands.rag("eval", "--gold", str(gold), "--json", RAG_LLM="local:/no/such/model")
    assert (plain.code, named.code, named.err) == (0, 0, "")
    results = [json.loads(one.out)["sets"][0]["run"]["results"][0] for one in (plain, named)]
    assert results[0]["abstained"] is False  # a question that the model would be asked
    assert {**results[0], "milliseconds": 0} == {**results[1], "milliseconds": 0}
    refused = commands.ask("What did China say in Geneva?", RAG_LLM="local:/no/such/model")
    assert refused.code not in (0, 2)
    assert "/no/such/model" in refused.err
