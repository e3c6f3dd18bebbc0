"""Removing: by id, by the start of one, by where articles came from; all that is named, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.add import RemoveReport
from rag.config import Settings
from rag.errors import ArticleMissing
from rag.index import Index
from tests.stand_in import StandIn, article

WALRUS = "The walrus sang in Geneva on Monday. Nobody had asked it to."
PENGUIN = "The penguin danced in Oslo on Tuesday. Everybody was surprised."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a folder of articles in it."""
    monkeypatch.chdir(tmp_path)
    news = (tmp_path / "news").resolve()
    (news / "sub").mkdir(parents=True)
    (news / "walrus.txt").write_text(WALRUS, encoding="utf-8")
    (news / "sub" / "penguin.txt").write_text(PENGUIN, encoding="utf-8")
    records = [{"id": f"line-{number}", "text": f"The {number}th company was sold."} for number in (1, 2)]
    (news / "more.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    (news / "more.jsonl.txt").write_text("Another text stands beside the lines.", encoding="utf-8")
    return news


@pytest.fixture
def index(folder: Path, tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        index.add(folder, article("abcdef"), article("abcxyz"))
        yield index


def told(report: RemoveReport) -> list[tuple[str, str | None]]:
    return [(outcome.status, outcome.title) for outcome in report.outcomes]


def ids(index: Index) -> set[str]:
    return {one.id for one in index.articles()}


def test_ids_and_their_beginnings_are_removed(index: Index) -> None:
    before = ids(index)
    report = index.remove("abcdef", "abcx", "abcdef")
    assert [(one.article_id, one.location, one.status) for one in report.outcomes] == [
        ("abcdef", "abcdef", "removed"),
        ("abcxyz", "abcxyz", "removed"),
    ]
    assert report.outcomes[0].title == article("abcdef").label
    assert report.count("removed") == 2
    assert ids(index) == before - {"abcdef", "abcxyz"}
    assert "abcdef" not in {hit.article.id for hit in index.search("abcdef committee", k=100)}


@pytest.mark.parametrize("name", ["news/walrus.txt", "./news/../news/walrus.txt", "{folder}/walrus.txt"])
def test_a_file_is_named_in_any_way(index: Index, folder: Path, name: str) -> None:
    (outcome,) = index.remove(name.format(folder=folder)).outcomes
    assert (outcome.status, outcome.location) == ("removed", str(folder / "walrus.txt"))
    assert WALRUS not in {one.text for one in index.articles()}
    assert index.manifest.articles == 6


def test_a_folder_that_is_not_there_any_more_is_named(index: Index, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    assert index.remove(folder).count("removed") == 5
    assert ids(index) == {"abcdef", "abcxyz"}
    with pytest.raises(ArticleMissing):
        index.remove(folder)


def test_a_file_of_lines_and_one_of_its_lines_are_named(index: Index) -> None:
    assert [one.article_id for one in index.remove("news/more.jsonl#2").outcomes] == ["line-2"]
    assert [one.article_id for one in index.remove("news/more.jsonl").outcomes] == ["line-1"]
    assert index.manifest.articles == 5


def test_an_article_that_stands_elsewhere_too_stays(index: Index, folder: Path) -> None:
    copy = folder / "sub" / "copy.txt"
    copy.write_text(WALRUS, encoding="utf-8")
    index.add(copy)
    report = index.remove("news/sub")
    assert sorted(one.status for one in report.outcomes) == ["kept", "removed"]
    (kept,) = [one for one in report.outcomes if one.status == "kept"]
    assert (kept.location, kept.reason) == (str(copy), f"stands in {folder / 'walrus.txt'} too")
    assert index.store.places(kept.article_id or "") == [str(folder / "walrus.txt")]
    index.add(copy)
    assert index.remove(kept.article_id or "").count("removed") == 1  # by its id it goes from everywhere


def test_both_places_of_an_article_named_at_once_remove_it(index: Index, folder: Path) -> None:
    (folder / "sub" / "copy.txt").write_text(WALRUS, encoding="utf-8")
    index.add(folder)
    assert index.remove("news/sub/copy.txt", "news/walrus.txt").count("removed") == 1
    assert WALRUS not in {one.text for one in index.articles()}


@pytest.mark.parametrize("unknown", ["nobody", "abc", "", "news/nothing", "a\0b", "~no-such-user-here/a.txt", "new"])
def test_all_or_nothing_is_removed(index: Index, unknown: str) -> None:
    before = index.manifest
    with pytest.raises(ArticleMissing) as caught:
        index.remove("abcdef", "news/walrus.txt", unknown)
    assert "Nothing was removed" in caught.value.remedy
    assert "rag list" in caught.value.remedy
    assert index.manifest == before
    assert index.store.at(str(Path("news/walrus.txt").resolve()))


def test_an_id_comes_before_a_path_and_a_path_before_the_beginning_of_an_id(index: Index) -> None:
    index.add(article("news"), article("news/walrus.txt-2"))
    assert [one.article_id for one in index.remove("news").outcomes] == ["news"]
    (outcome,) = index.remove("news/walrus.txt").outcomes
    assert outcome.article_id != "news/walrus.txt-2"
    assert index.remove("./news").count("removed") == 4


def test_what_was_removed_is_added_again(index: Index, folder: Path) -> None:
    index.remove("news")
    assert index.add(folder).count("added") == 5
