from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rag.cli.interrupt import Stop
from rag.cli.watch import _Counts, changes
from rag.errors import BadInput


@pytest.fixture
def news(tmp_path: Path) -> Path:
    news = (tmp_path / "news").resolve()
    news.mkdir()
    (news / "a.txt").write_text("one", encoding="utf-8")
    return news


def test_it_yields_at_once_and_after_each_change(news: Path, tmp_path: Path) -> None:
    stop = Stop()
    turns = changes([news], stop, without=tmp_path / "index")
    next(turns)
    (news / "b.txt").write_text("two", encoding="utf-8")  # while what is done about the first turn goes on
    next(turns)
    (news / "sub").mkdir()
    next(turns)
    (news / "sub" / "c.txt").write_text("three", encoding="utf-8")
    next(turns)
    (news / "a.txt").unlink()
    next(turns)
    stop.set()
    assert list(turns) == []


def test_a_file_that_was_named_is_followed_wherever_editors_put_it(news: Path, tmp_path: Path) -> None:
    turns = changes([news / "a.txt"], Stop(), without=tmp_path / "index")
    next(turns)
    (news / "a.tmp").write_text("two", encoding="utf-8")
    (news / "a.tmp").replace(news / "a.txt")
    next(turns)
    (news / "a.txt").unlink()
    next(turns)
    (news / "a.txt").write_text("three", encoding="utf-8")
    next(turns)
    turns.close()


def test_a_folder_that_is_put_in_the_place_of_another_is_followed(news: Path, tmp_path: Path) -> None:
    turns = changes([news], Stop(), without=tmp_path / "index")
    next(turns)
    shutil.rmtree(news)
    next(turns)
    news.mkdir()
    next(turns)
    (news / "b.txt").write_text("two", encoding="utf-8")
    next(turns)
    turns.close()


def test_a_stop_before_the_first_turn_ends_it(news: Path, tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    assert list(changes([news], stop, without=tmp_path)) == []


def test_what_is_not_there_cannot_be_followed(news: Path) -> None:
    with pytest.raises(BadInput, match=r"b\.txt is not there"):
        next(changes([news, news / "b.txt"], Stop(), without=news))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("news/a.txt", True),
        ("news/sub/a.txt", True),
        ("news/.a.txt.swp", False),
        ("news/.git/a.txt", False),
        ("news/index/terms/a", False),
        ("newspaper/a.txt", False),
        ("letters/b.txt", True),
        ("letters/c.txt", False),
        (".hidden/a.txt", True),
    ],
)
def test_hidden_files_and_the_index_do_not_count(name: str, counts: bool) -> None:  # noqa: FBT001
    base = Path("/home")
    wanted = _Counts(
        frozenset({base / "letters" / "b.txt"}), [base / "news", base / ".hidden"], base / "news" / "index"
    )
    assert wanted(None, str(base / name)) is counts
