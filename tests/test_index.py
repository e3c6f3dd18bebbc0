"""The library's front door, with the stand-in: adding, replacing, removing, opening, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag.add import Progressed
from rag.config import DEFAULT_MODEL, Settings
from rag.errors import ArticleMissing, BadInput, BadQuestion, IndexMissing, ModelMismatch
from rag.index import Index
from rag.store import EmbeddedStore
from rag.types import Article
from tests.stand_in import StandIn, article

WALRUS = "The walrus sang in Geneva on Monday. Nobody had asked it to."
PENGUIN = "The penguin danced in Oslo on Tuesday. Everybody was surprised."
OTTER = "The otter wrote to the ministry in Lima. The ministry did not reply."


@pytest.fixture
def index(tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        yield index


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two articles."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "walrus.txt").write_text(WALRUS, encoding="utf-8")
    (folder / "penguin.txt").write_text(PENGUIN, encoding="utf-8")
    return folder


def texts(index: Index) -> set[str]:
    return {one.text for one in index.articles()}


def statuses(report: rag.AddReport) -> list[str]:
    return [outcome.status for outcome in report.outcomes]


def lines(*records: tuple[str, str]) -> str:
    return "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in records)


def test_files_folders_articles_and_generators_are_added(index: Index, files: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(OTTER, encoding="utf-8")
    report = index.add(
        files, str(tmp_path / "one.txt"), article("object"), (article(name) for name in "ab"), [article("c")]
    )
    assert statuses(report) == ["added"] * 7
    assert report.count("added") == 7
    assert report.skipped == ()
    assert [Path(one.location).name for one in report.outcomes[:3]] == ["penguin.txt", "walrus.txt", "one.txt"]
    assert {one.article_id for one in report.outcomes} == {one.id for one in index.articles()}
    assert texts(index) >= {WALRUS, PENGUIN, OTTER}
    assert index.manifest.articles == 7


def test_what_is_there_already_is_left(index: Index, files: Path, stand_in: StandIn) -> None:
    index.add(files, article("object"))
    before, encoded = index.manifest, stand_in.encoded
    assert statuses(index.add(files, article("object"))) == ["unchanged"] * 3
    assert index.manifest == before
    assert stand_in.encoded == encoded


def test_what_cannot_be_read_is_reported_and_the_rest_is_added(index: Index, files: Path) -> None:
    (files / "binary.txt").write_bytes(bytes(range(256)))
    (files / "empty.txt").write_text(" \n")
    (files / "mixed.jsonl").write_text("not JSON\n" + lines(("good", OTTER)))
    report = index.add(files, files / "missing.txt")
    assert texts(index) == {WALRUS, PENGUIN, OTTER}
    reasons = {Path(one.location).name: one.reason for one in report.skipped}
    assert reasons.keys() == {"binary.txt", "empty.txt", "mixed.jsonl#1", "missing.txt"}
    assert all(reasons.values())
    assert [one.named for one in report.skipped] == [False, False, False, True]


def test_a_changed_file_replaces_its_old_article(index: Index, files: Path) -> None:
    index.add(files)
    (files / "walrus.txt").write_text(OTTER, encoding="utf-8")
    assert sorted(statuses(index.add(files))) == ["unchanged", "updated"]
    assert texts(index) == {PENGUIN, OTTER}
    assert {hit.article.text for hit in index.search("walrus sang")} == {PENGUIN, OTTER}


def test_an_article_with_its_id_kept_is_updated(index: Index) -> None:
    index.add(article("a", WALRUS))
    assert statuses(index.add(article("a", PENGUIN))) == ["updated"]
    assert texts(index) == {PENGUIN}
    assert statuses(index.add(article("a", PENGUIN, title="With a title"))) == ["updated"]
    assert index.article("a").title == "With a title"


def test_a_copy_keeps_an_article_when_one_of_its_files_changes(index: Index, files: Path) -> None:
    (files / "copy.txt").write_text(WALRUS, encoding="utf-8")
    index.add(files)
    (files / "walrus.txt").write_text(OTTER, encoding="utf-8")
    assert statuses(index.add(files / "walrus.txt")) == ["added"]
    assert texts(index) == {WALRUS, PENGUIN, OTTER}
    (files / "copy.txt").write_text(PENGUIN, encoding="utf-8")
    index.add(files / "copy.txt")
    assert texts(index) == {PENGUIN, OTTER}


def test_articles_that_move_between_files_are_kept(index: Index, files: Path) -> None:
    index.add(files)
    (files / "penguin.txt").write_text(WALRUS, encoding="utf-8")
    (files / "walrus.txt").write_text(PENGUIN, encoding="utf-8")
    index.add(files)
    assert texts(index) == {WALRUS, PENGUIN}
    (files / "walrus.txt").write_text(OTTER, encoding="utf-8")
    index.add(files)
    assert texts(index) == {WALRUS, OTTER}


def test_lines_that_move_up_in_a_file_are_kept(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(lines(("w", WALRUS), ("p", PENGUIN), ("o", OTTER)))
    index.add(path)
    path.write_text(lines(("p", PENGUIN), ("o", OTTER), ("n", "A new thing happened in Rome. It was small.")))
    index.add(path)
    assert {one.id for one in index.articles()} == {"p", "o", "n"}


def test_articles_from_one_file_are_kept_apart(index: Index, tmp_path: Path, stand_in: StandIn) -> None:
    index.add(article(f"a{number}", path="news.jsonl") for number in range(300))
    with Index.create(tmp_path / "other", settings=Settings(), embedder=stand_in) as other:
        other.add(index.articles())
        assert other.manifest.articles == index.manifest.articles == 300
        assert other.manifest.digest == index.manifest.digest


def test_one_id_twice_in_a_run_is_the_last(index: Index) -> None:
    report = index.add(article("a", WALRUS), article("a", PENGUIN), article("a", PENGUIN), article("a", WALRUS))
    assert statuses(report) == ["added", "updated", "unchanged", "updated"]
    assert texts(index) == {WALRUS}


def test_a_text_without_a_story_is_skipped(index: Index) -> None:
    report = index.add(Article(id="empty", text="  \n "), article("a"))
    assert statuses(report) == ["skipped", "added"]
    assert report.skipped[0].reason


def test_progress_is_told(index: Index) -> None:
    told: list[Progressed] = []
    index.add([article("a", title="Title")], progress=told.append)
    assert told[-1] == Progressed(0, 0, index.manifest.passages, "Title")


def test_articles_are_removed_all_or_none(index: Index) -> None:
    index.add(article("alpha"), article("beta"), article("gamma"))
    with pytest.raises(ArticleMissing, match="nobody"):
        index.remove("alpha", "nobody")
    assert index.manifest.articles == 3
    index.remove("alpha", "beta", "alpha")
    assert {one.id for one in index.articles()} == {"gamma"}
    assert {hit.article.id for hit in index.search("alpha committee")} == {"gamma"}
    assert statuses(index.add(article("alpha"))) == ["added"]


def test_a_prefix_of_an_id_is_enough_where_only_one_has_it(index: Index) -> None:
    index.add(article("abcdef"), article("abcxyz"), article("abcx"), article("ab"))
    assert index.article("abcd").id == "abcdef"
    assert index.article("abcx").id == "abcx"
    assert index.article("ab").id == "ab"
    for prefix in ("abc", "zzzz", ""):
        with pytest.raises(ArticleMissing):
            index.article(prefix)


def test_searching_gives_hits_best_first(index: Index) -> None:
    index.add(article("w", WALRUS), article("p", PENGUIN), article("o", OTTER))
    hits = index.search("Which walrus sang in Geneva?", k=2)
    assert hits[0].article.id == "w"
    assert [hit.rank for hit in hits] == [1, 2]
    assert hits[0].text in WALRUS
    assert hits[0].score > hits[1].score


def test_dates_and_outlets_filter(index: Index) -> None:
    index.add(article("old", published="2023-01-01", source="Axios"), article("new", published="2024-05-14"))
    assert {hit.article.id for hit in index.search("committee", since="2024-01-01")} == {"new"}
    assert {hit.article.id for hit in index.search("committee", until="2023-12-31")} == {"old"}
    assert {hit.article.id for hit in index.search("committee", source="axios")} == {"old"}
    assert index.search("committee", source="Nobody") == []
    answer = index.ask("What did the committee do?", source="Nobody")
    assert answer.abstained
    assert answer.hits == ()


@pytest.mark.parametrize("day", ["yesterday", "2024-13-01", "2024-02-30", "", "14 May 2024"])
def test_a_date_that_is_none_is_refused(index: Index, day: str) -> None:
    for bound in ("since", "until"):
        with pytest.raises(BadInput, match=bound):
            index.search("committee", **{bound: day})  # type: ignore[arg-type]


def test_crossed_dates_are_refused(index: Index) -> None:
    with pytest.raises(BadInput, match="is after until"):
        index.ask("committee", since="2024-05-02", until="2024-05-01")
    assert index.search("committee", since="2024-05-01", until="2024-05-01") == []


@pytest.mark.parametrize("question", ["", "  \n", "🙂🙂", "?!", "x" * 2001])
def test_a_bad_question_is_refused(index: Index, question: str) -> None:
    for ask in (index.ask, index.search):
        with pytest.raises(BadQuestion) as caught:
            ask(question)
        assert caught.value.remedy


@pytest.mark.parametrize("question", ["中国说了什么？", "who is it", "7", "a\0b", "\ud800 walrus", "x" * 2000])
def test_an_odd_question_is_no_error(index: Index, question: str) -> None:
    index.add(article("w", WALRUS))
    assert json.loads(json.dumps(index.ask(question).as_json()))["schema"] == 1


def test_an_empty_index_abstains(index: Index) -> None:
    answer = index.ask("Who sang?")
    assert answer.abstained
    assert answer.text is None
    assert answer.citations == ()
    assert answer.hits == ()


def test_another_model_is_refused(index: Index, tmp_path: Path) -> None:
    index.close()
    with pytest.raises(ModelMismatch, match="stand-in") as caught:
        Index.open(tmp_path / "index", settings=Settings(model=DEFAULT_MODEL))
    assert "rag add" in caught.value.remedy
    with pytest.raises(ModelMismatch, match="other-model"):
        Index.create(tmp_path / "index", settings=Settings(), embedder=StandIn("other-model"))


def test_no_index_says_which_command_makes_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="rag add"):
        Index.open(tmp_path / "nowhere", settings=Settings())
    assert not (tmp_path / "nowhere").exists()


def test_making_an_index_goes_on_where_it_was_killed(tmp_path: Path, stand_in: StandIn) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "catalog.sqlite").touch()
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        index.add(article("a"))
    with Index.open(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        assert index.info.articles == 1


def test_a_write_that_is_interrupted_is_searchable_at_the_next_opening(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedStore, "sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.add(article("w", WALRUS))
    monkeypatch.undo()
    with Index.open(tmp_path / "index", settings=Settings(), embedder=stand_in) as again:
        assert [hit.article.id for hit in again.search("walrus sang")] == ["w"]


def test_two_texts_with_one_id_in_a_file_are_told_apart(tmp_path: Path, stand_in: StandIn) -> None:
    path = tmp_path / "corpus.jsonl"
    records = [{"id": "a", "text": "The dam held."}, {"id": "a", "text": "The dam broke."}]
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    with rag.Index.create(tmp_path / "index", embedder=stand_in) as index:
        for status in ("added", "unchanged"):
            first, second = index.add(path).outcomes
            assert (first.status, second.status) == (status, "skipped")
            assert second.reason is not None
            assert "#1" in second.reason
        assert index.article("a").text == "The dam held."
