"""Adding, again and again: what is read, embedded, replaced and removed, and what an interrupted run leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.add import Adding, AddReport, Progressed, run
from rag.config import Settings
from rag.errors import IndexBusy
from rag.index import Index
from rag.store import EmbeddedStore
from rag.types import Article
from tests.stand_in import StandIn, article

WALRUS = "The walrus sang in Geneva on Monday. Nobody had asked it to."
PENGUIN = "The penguin danced in Oslo on Tuesday. Everybody was surprised."
OTTER = "The otter wrote to the ministry in Lima. The ministry did not reply."
HERON = "The heron left Rome on Friday. It was not seen again."


@pytest.fixture
def index(tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    with Index.create(tmp_path / "index", settings=Settings(lock_seconds=0), embedder=stand_in) as index:
        yield index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two articles."""
    folder = (tmp_path / "news").resolve()
    write(folder / "walrus.txt", WALRUS)
    write(folder / "penguin.txt", PENGUIN)
    return folder


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_BATCH_PASSAGES", 4)
    monkeypatch.setattr(run, "_BATCH_PLACES", 3)
    monkeypatch.setattr(run, "_VACATED_AT_ONCE", 2)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lines(*texts: str) -> str:
    return "".join(json.dumps({"text": text}) + "\n" if text else "\n" for text in texts)


def texts(index: Index) -> set[str]:
    return {one.text for one in index.articles()}


def statuses(report: AddReport) -> dict[str, str]:
    """What happened at each location, by its last part."""
    found: dict[str, str] = {outcome.location.rpartition("/")[2]: outcome.status for outcome in report.outcomes}
    assert len(found) == len(report.outcomes)
    return found


def numbered(count: int) -> list[Article]:
    return [article(f"a{number:03}") for number in range(count)]


# Unchanged


def test_what_was_read_before_is_neither_parsed_nor_embedded(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    write(folder / "more.jsonl", lines(OTTER, HERON))
    index.add(folder)
    before, encoded = index.manifest, stand_in.encoded

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rag.ingest.files.read_article", refuse)
    monkeypatch.setattr("rag.ingest.records.read_article", refuse)
    monkeypatch.setattr("rag.chunk.passages", refuse)
    report = Adding(index.store, refuse, Settings()).run([folder])  # type: ignore[arg-type]
    assert set(statuses(report).values()) == {"unchanged"}
    assert (index.manifest, stand_in.encoded) == (before, encoded)


def test_adding_asks_for_nothing_that_grows_with_the_index(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locations", "digests", "articles", "under"):
        monkeypatch.setattr(EmbeddedStore, name, lambda *_: pytest.fail("all of the index was read"))
    assert set(statuses(index.add(folder)).values()) == {"added"}
    write(folder / "walrus.txt", OTTER)
    assert statuses(index.add(folder)) == {"walrus.txt": "updated", "penguin.txt": "unchanged"}


def test_of_a_file_of_lines_only_the_new_ones_are_embedded(index: Index, folder: Path, stand_in: StandIn) -> None:
    path = write(folder / "more.jsonl", lines(OTTER))
    index.add(path)
    before = stand_in.encoded
    write(path, lines(OTTER, HERON))
    assert statuses(index.add(path)) == {"more.jsonl#1": "unchanged", "more.jsonl#2": "added"}
    assert stand_in.encoded - before == 1 + 2  # a passage and its two sentences


def test_a_new_reader_reads_everything_again_and_embeds_nothing(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    index.add(folder)
    before, encoded = index.manifest, stand_in.encoded
    monkeypatch.setattr("rag.ingest.found.READER", 99)
    for _ in range(2):
        assert set(statuses(index.add(folder)).values()) == {"unchanged"}
    assert (index.manifest, stand_in.encoded) == (before, encoded)
    monkeypatch.setattr("rag.ingest.files.read_article", lambda *_: pytest.fail("what the new reader read is known"))
    index.add(folder)


def test_a_copy_and_a_moved_file_are_known(index: Index, folder: Path, stand_in: StandIn) -> None:
    index.add(folder)
    before = stand_in.encoded
    write(folder / "copy.txt", WALRUS)
    (folder / "penguin.txt").rename(folder / "moved.txt")
    report = index.add(folder, sync=True)
    assert statuses(report) == dict.fromkeys(["copy.txt", "moved.txt", "walrus.txt"], "unchanged")
    assert stand_in.encoded == before
    located = {Path(location).name: index.article(one).text for location, one in index.store.locations().items()}
    assert located == {"copy.txt": WALRUS, "walrus.txt": WALRUS, "moved.txt": PENGUIN}


def test_the_index_in_an_added_folder_is_not_read(tmp_path: Path, stand_in: StandIn) -> None:
    write(tmp_path / "walrus.txt", WALRUS)
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        for _ in range(2):
            assert list(statuses(index.add(tmp_path))) == ["walrus.txt"]


# Changed


def test_an_article_that_another_pushes_out_is_told_as_removed(index: Index, folder: Path) -> None:
    path = write(folder / "more.jsonl", lines(WALRUS, PENGUIN, OTTER))
    index.add(path)
    write(path, lines(PENGUIN, OTTER, HERON))
    report = index.add(path)
    assert [(one.location.rpartition("#")[2], one.status) for one in report.outcomes] == [
        ("1", "unchanged"),
        ("2", "unchanged"),
        ("3", "added"),
        ("1", "removed"),
    ]
    assert report.outcomes[-1].title == article("x", WALRUS).label
    assert texts(index) == {PENGUIN, OTTER, HERON}


def test_an_article_that_another_replaces_is_told_once(index: Index, folder: Path) -> None:
    index.add(folder)
    write(folder / "walrus.txt", OTTER)
    assert statuses(index.add(folder)) == {"penguin.txt": "unchanged", "walrus.txt": "updated"}
    assert texts(index) == {PENGUIN, OTTER}


@pytest.mark.usefixtures("small_batches")
def test_lines_that_move_from_batch_to_batch_are_as_they_were(index: Index, folder: Path) -> None:
    old = [f"The {word} company was sold on Monday. Nobody said why." for word in "abcdefghij"]
    path = write(folder / "more.jsonl", lines(*old))
    index.add(path)
    write(path, lines(HERON, *old))
    report = index.add(path)
    assert [one.status for one in report.outcomes] == ["added"] + ["unchanged"] * 10
    assert texts(index) == {HERON, *old}
    write(path, lines(*old))
    report = index.add(path, sync=True)
    assert sorted(one.status for one in report.outcomes) == ["removed"] + ["unchanged"] * 10
    assert texts(index) == set(old)


def test_one_batch_that_replaces_an_article_knows_its_old_text_no_more(index: Index, folder: Path) -> None:
    def record(text: str) -> str:
        return json.dumps({"id": "a", "text": text}) + "\n"

    path = write(folder / "more.jsonl", record(WALRUS))
    index.add(path)
    write(path, record(PENGUIN) + record(WALRUS))
    for status in ("updated", "unchanged"):
        first, second = index.add(path).outcomes
        assert (first.status, second.status) == (status, "skipped")
        assert second.reason is not None
        assert "#1" in second.reason
        assert index.article("a").text == PENGUIN
    write(path, record(WALRUS))
    assert statuses(index.add(path)) == {"more.jsonl#1": "updated"}
    assert texts(index) == {WALRUS}


def test_passages_are_embedded_on_the_device_and_questions_are_not(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[str, object]] = []

    def load(name: str, _cache: Path, **options: object) -> StandIn:
        loaded.append((name, options.get("device")))
        assert options["sha256"] == index.manifest.model.sha256
        return StandIn()

    monkeypatch.setattr("rag.embed.load", load)
    with Index.open(tmp_path / "index", settings=Settings(device="cuda", rerank="none")) as other:
        other.add(folder)
        assert loaded == [("stand-in", "cuda")]
        other.search("walrus")
        assert loaded == [("stand-in", "cuda"), ("stand-in", None)]
    with Index.open(tmp_path / "index", settings=Settings(device="cuda")) as other:
        other.add(folder)
        assert len(loaded) == 2  # nothing to embed: no model is loaded


def test_a_text_that_is_a_line_too_is_told_as_such(index: Index, folder: Path) -> None:
    path = write(folder / "more.jsonl", lines(WALRUS))
    (skipped,) = index.add(folder).skipped
    assert skipped.location == str(folder / "walrus.txt")
    assert skipped.reason is not None
    assert f"another description of the same text, {path}#1;" in skipped.reason


# Gone


def test_only_sync_removes_what_is_gone(index: Index, folder: Path) -> None:
    index.add(folder)
    (folder / "walrus.txt").unlink()
    assert statuses(index.add(folder)) == {"penguin.txt": "unchanged"}
    assert texts(index) == {WALRUS, PENGUIN}
    report = index.add(folder, sync=True)
    assert statuses(report) == {"penguin.txt": "unchanged", "walrus.txt": "removed"}
    assert report.outcomes[-1].title == article("x", WALRUS).label
    assert (report.notes, report.interrupted) == ((), False)
    assert texts(index) == {PENGUIN}
    assert index.search("walrus sang")[0].article.text == PENGUIN


def test_lines_that_are_gone_are_removed(index: Index, folder: Path) -> None:
    path = write(folder / "more.jsonl", lines(WALRUS, PENGUIN, OTTER, HERON))
    index.add(path)
    write(path, lines(WALRUS, "", OTTER))
    assert statuses(index.add(path, sync=True)) == {
        "more.jsonl#1": "unchanged",
        "more.jsonl#2": "removed",
        "more.jsonl#3": "unchanged",
        "more.jsonl#4": "removed",
    }
    assert texts(index) == {WALRUS, OTTER}


def test_an_article_that_stands_elsewhere_loses_a_place_and_stays(index: Index, folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.txt", WALRUS)
    index.add(folder, tmp_path / "elsewhere.txt")
    (folder / "walrus.txt").unlink()
    assert statuses(index.add(folder, sync=True)) == {"penguin.txt": "unchanged"}
    assert texts(index) == {WALRUS, PENGUIN}
    (one,) = [one.id for one in index.articles() if one.text == WALRUS]
    assert index.store.places(one) == [str((tmp_path / "elsewhere.txt").resolve())]


def test_what_is_outside_of_the_named_folders_stays(index: Index, folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "newspaper" / "otter.txt", OTTER)
    index.add(folder, tmp_path / "newspaper", article("object"))
    (tmp_path / "newspaper" / "otter.txt").unlink()
    index.add(folder, sync=True)
    assert {OTTER, WALRUS, PENGUIN} < texts(index)
    assert index.store.has("object")


def test_what_cannot_be_read_is_not_gone(index: Index, folder: Path) -> None:
    path = write(folder / "more.jsonl", lines(OTTER, HERON))
    write(folder / "link.txt", "A link was a file on Monday. It is one no more.")
    index.add(folder)
    everything = texts(index)
    (folder / "walrus.txt").write_bytes(bytes(range(256)))
    path.write_text("not JSON\n" + lines(HERON), encoding="utf-8")
    (folder / "link.txt").unlink()
    (folder / "link.txt").symlink_to("nowhere")
    report = index.add(folder, sync=True)
    assert report.count("skipped") == 3
    assert report.count("removed") == 0
    assert texts(index) == everything
    path.write_bytes(b"\0\1\2")
    assert index.add(folder, sync=True).count("removed") == 0
    assert texts(index) == everything


def test_a_folder_that_cannot_be_listed_keeps_everything_in_it(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "closed" / "deep" / "otter.txt", OTTER)
    index.add(folder)
    scandir = os.scandir
    (folder / "walrus.txt").unlink()
    (folder / "closed" / "deep" / "otter.txt").unlink()  # as a disk looks whose cable is out

    def refuse(place: str) -> object:
        if str(place) == str(folder / "closed"):
            raise OSError(5, "Input/output error", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    report = index.add(folder, sync=True)
    assert statuses(report) == {"penguin.txt": "unchanged", "closed": "skipped", "walrus.txt": "removed"}
    assert texts(index) == {PENGUIN, OTTER}


def test_a_folder_with_nothing_to_read_removes_nothing_and_says_what_does(index: Index, folder: Path) -> None:
    write(folder / "other" / "otter.txt", OTTER)
    index.add(folder)
    for path in folder.glob("*.txt"):
        path.rename(path.with_suffix(".png"))
    (folder / "other" / "otter.txt").unlink()
    report = index.add(folder, sync=True)
    assert statuses(report) == {"penguin.png": "skipped", "walrus.png": "skipped"}
    assert report.notes == (f"{folder}: 3 articles stay, as nothing there can be read; to remove: rag remove {folder}",)
    assert texts(index) == {WALRUS, PENGUIN, OTTER}
    write(folder / "heron.txt", HERON)
    report = index.add(folder, folder / "other", sync=True)
    assert report.count("removed") == 2  # the folder that is named too still looks like an unmounted disk
    assert len(report.notes) == 1
    assert texts(index) == {HERON, OTTER}


def test_a_path_that_is_not_there_removes_nothing(index: Index, folder: Path) -> None:
    index.add(folder)
    (folder / "walrus.txt").unlink()
    report = index.add(folder / "walrus.txt", folder / "never.txt", sync=True)
    assert [(one.status, one.named) for one in report.outcomes] == [("skipped", True)] * 2
    assert report.notes == (
        f"{folder / 'walrus.txt'}: 1 article stays, as it is not there; to remove: rag remove {folder / 'walrus.txt'}",
    )
    assert texts(index) == {WALRUS, PENGUIN}


def test_a_hidden_file_that_was_named_is_not_gone(index: Index, folder: Path) -> None:
    hidden = write(folder / ".drafts" / "otter.txt", OTTER)
    index.add(folder, hidden)
    assert index.add(folder, sync=True).count("removed") == 0
    (folder / "walrus.txt").rename(folder / ".walrus.txt")
    assert statuses(index.add(folder, sync=True))["walrus.txt"] == "removed"
    hidden.unlink()
    assert statuses(index.add(folder, sync=True))["otter.txt"] == "removed"


def test_a_file_in_the_place_of_a_folder_and_a_folder_in_that_of_a_file(index: Index, folder: Path) -> None:
    write(folder / "first" / "otter.txt", OTTER)
    write(folder / "second", HERON)
    index.add(folder)
    (folder / "first" / "otter.txt").unlink()
    (folder / "first").rmdir()
    (folder / "second").unlink()
    write(folder / "first", "A first thing happened on Monday. It was small.")
    write(folder / "second" / "a.txt", "A second thing happened on Monday. It was small.")
    report = index.add(folder, sync=True)
    assert report.count("removed") == 2
    assert not texts(index) & {OTTER, HERON}
    assert index.manifest.articles == 4


# Interrupted


class After:
    """Says that it is stopped once it has been asked so often."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("times", [0, 1, 5, 20, 40])
def test_a_run_that_is_stopped_is_gone_on_with(tmp_path: Path, stand_in: StandIn, times: int) -> None:
    folder = tmp_path / "news"
    for number in range(12):
        write(folder / f"{number:02}.txt", f"The {number}th company was sold on Monday. Nobody said why.")
    write(folder / "more.jsonl", lines(WALRUS, PENGUIN, OTTER))
    with Index.create(tmp_path / "whole", settings=Settings(), embedder=stand_in) as whole:
        whole.add(folder)
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        report = index.add(folder, stopped=After(times))
        assert report.interrupted == (report.count("added") < 15)
        assert index.manifest.articles == report.count("added")
        again = index.add(folder)
        assert (again.interrupted, again.count("unchanged")) == (False, report.count("added"))
        assert (index.manifest.articles, index.manifest.digest) == (15, whole.manifest.digest)


def test_a_stopped_run_removes_nothing(index: Index, folder: Path) -> None:
    index.add(folder)
    (folder / "walrus.txt").unlink()
    asked: list[bool] = []
    index.add(folder, stopped=lambda: bool(asked.append(True)))  # type: ignore[func-returns-value]
    for times in range(len(asked) + 1):  # the last one is asked before removing
        report = index.add(folder, sync=True, stopped=After(times))
        assert report.interrupted
        assert report.count("removed") == 0
    assert texts(index) == {WALRUS, PENGUIN}
    assert index.add(folder, sync=True).count("removed") == 1


def test_an_error_removes_nothing_and_frees_the_index(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    index.add(folder)
    (folder / "walrus.txt").unlink()
    write(folder / "zebra.txt", OTTER)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stand_in, "encode_spans", fail)
    with pytest.raises(KeyboardInterrupt):
        index.add(folder, sync=True)
    assert texts(index) == {WALRUS, PENGUIN}
    monkeypatch.undo()
    assert index.add(folder, sync=True).count("removed") == 1


@pytest.mark.usefixtures("small_batches")
def test_an_article_far_too_large_for_a_batch_does_not_hold_up_a_stop(index: Index, stand_in: StandIn) -> None:
    large = article("large", " ".join(f"The {number}th company was sold on Monday." for number in range(2_000)))
    stop: list[Progressed] = []
    report = index.add(numbered(2), [large], article("after"), progress=stop.append, stopped=lambda: len(stop) > 4)
    assert report.interrupted
    assert {one.article_id for one in report.outcomes} == {one.id for one in index.articles()} == {"a000", "a001"}
    before = stand_in.encoded
    assert before < 1_000
    report = index.add(numbered(2), [large], article("after"))
    assert [one.status for one in report.outcomes] == ["unchanged", "unchanged", "added", "added"]
    assert index.article("large") == large


# Meanwhile


@pytest.mark.usefixtures("small_batches")
def test_readers_see_each_batch_and_nobody_else_writes(index: Index, tmp_path: Path) -> None:
    counts: list[int] = []

    def look(_: Progressed) -> None:
        with Index.open(tmp_path / "index", settings=Settings(lock_seconds=0), embedder=StandIn()) as other:
            counts.append(other.manifest.articles)
            found = other.search("committee", k=100)
            assert len({hit.article.id for hit in found}) == other.manifest.articles
            with pytest.raises(IndexBusy):
                other.add(article("other"))

    index.add(numbered(20), progress=look)
    assert counts == sorted(counts)
    assert len(set(counts)) > 3
    index.add(article("other"))


@pytest.mark.usefixtures("small_batches")
def test_progress_tells_bytes_and_passages(index: Index, folder: Path) -> None:
    write(folder / "more.jsonl", lines(*(f"The {n}th company was sold on Monday. Nobody said why." for n in range(30))))
    write(folder / "picture.png", "x" * 10_000)
    total = sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".png")
    for embedded in (32, 0):
        told: list[Progressed] = []
        report = index.add(folder, progress=told.append)
        assert (told[-1].bytes_done, told[-1].bytes_total, told[-1].passages) == (total, total, embedded)
        assert report.count("added") == embedded
        for before, after in pairwise(told):
            assert before.bytes_done <= after.bytes_done <= total
            assert before.passages <= after.passages
        assert len({one.bytes_done for one in told}) > 2
        assert told[0] == Progressed(0, 0, 0, "")


# All of it together

_TEXTS = [f"The {word} company was sold on Monday. Nobody said why." for word in "abcdef"]
_NAMES = ["a.txt", "b.txt", "sub/c.txt", "d.jsonl", "e.jsonl", "sub/f.jsonl"]
_STATE = st.fixed_dictionaries(
    {}, optional={name: st.none() | st.lists(st.sampled_from(["", *_TEXTS]), min_size=1, max_size=6) for name in _NAMES}
)


@settings(max_examples=20, deadline=None)
@given(states=st.lists(_STATE, min_size=1, max_size=4), sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_a_followed_folder_is_as_one_added_at_once(
    states: list[dict[str, list[str] | None]], sizes: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("followed")
    folder = base / "news"
    write(folder / "anchor.txt", HERON)  # a folder in which nothing can be read removes nothing
    with pytest.MonkeyPatch.context() as patch, Index.create(base / "index", embedder=StandIn()) as index:
        patch.setattr(run, "_BATCH_PASSAGES", sizes[0])
        patch.setattr(run, "_BATCH_PLACES", sizes[1])
        for state in states:
            for name, content in state.items():
                _set(folder / name, content)
            report = index.add(folder, sync=True)
        with Index.create(base / "fresh", embedder=StandIn()) as fresh:
            fresh.add(folder)
            assert _kept(folder, index) == _kept(folder, fresh)
            if not report.count("skipped"):
                assert index.manifest.digest == fresh.manifest.digest
        found = {hit.article.id for hit in index.search("company", k=100)}
        assert found == {one.id for one in index.articles()}


def _set(path: Path, content: list[str] | None) -> None:
    """A file with some texts; one line of JSON has another text than a file of its own, which would be read in another way."""
    if content is None:
        path.unlink(missing_ok=True)
    elif path.suffix == ".jsonl":
        write(path, lines(*(text.replace("said", "told") for text in content)))
    else:
        write(path, content[0] or _TEXTS[0])


def _kept(folder: Path, index: Index) -> dict[str, str]:
    """What stands where; a file that has become empty keeps what it had."""
    empty = {str(path) for path in folder.rglob("*.jsonl") if not path.read_text(encoding="utf-8").strip()}
    return {place: one for place, one in index.store.locations().items() if place.rpartition("#")[0] not in empty}
