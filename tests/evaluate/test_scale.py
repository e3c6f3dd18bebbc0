"""A small index is grown and measured. No test looks at how long anything takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.config import Settings
from rag.embed import OnnxEmbedder
from rag.errors import BadInput
from rag.evaluate.scale import (
    Figures,
    Job,
    K,
    beside,
    disk_of,
    grow,
    keys_where,
    load_figures,
    recall,
    run_scale,
)
from rag.evaluate.scale_add import Added, Timed, add_page, run_add
from rag.evaluate.scale_corpus import Recombined
from rag.evaluate.scale_memory import memory_of
from rag.evaluate.scale_sample import corpora_of, sample_of
from rag.index import Index
from rag.store import EmbeddedStore
from rag.types import Filter
from tests.cli.process import Commands
from tests.stand_in import StandIn, article, indexed

_FIRST, _SECOND = 600, 1_500
_QUESTIONS = 12


def _job(folder: Path, *sizes: int) -> Job:
    return Job(sizes=sizes, folder=folder, limit=_QUESTIONS, rounds=1, added=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")


@pytest.fixture(scope="module")
def figures(folder: Path, embedder: OnnxEmbedder) -> list[Figures]:
    """Of an index of the seeds' sentences, grown to two sizes."""
    return list(run_scale(_job(folder, _SECOND, _FIRST), Settings(), embedder))


@pytest.fixture
def grown(folder: Path, figures: list[Figures], embedder: OnnxEmbedder) -> Iterator[Index]:
    """That index."""
    assert figures
    with Index.open(next(folder.glob("index-*")), embedder=embedder) as index:
        yield index


def test_each_size_is_reached_by_whole_articles(figures: list[Figures]) -> None:
    assert [0 <= one.passages - size < 15 for one, size in zip(figures, (_FIRST, _SECOND), strict=True)] == [True, True]
    built = [one.built.passages for one in figures if one.built]
    assert built == [figures[0].passages, figures[1].passages - figures[0].passages]
    assert all(6 < one.passages / one.articles < 14 for one in figures)


def test_an_exact_index_finds_the_exact_nearest(figures: list[Figures]) -> None:
    for one in figures:
        assert one.dense.kind == "exact"
        for exact in (one.exact, one.exact_filtered):
            assert 0.98 <= exact.recall <= 1
            assert exact.first >= exact.tenth


def test_a_filter_keeps_its_share_and_every_question_gets_k_passages(figures: list[Figures]) -> None:
    for one in figures:
        assert 0.02 < one.kept < 0.1
        assert one.full == 1
        assert one.hybrid.questions == one.filtered.questions == _QUESTIONS


def test_memory_disk_and_times_are_told(figures: list[Figures]) -> None:
    for one in figures:
        assert one.hybrid.p99 >= one.hybrid.p50 > 0
        assert len(one.cold) == 1
        assert len(one.added) == len(one.removed) == 2
        assert {"catalog", "dense", "terms"} <= set(one.disk)
        if one.memory:
            assert one.memory.peak >= one.memory.asked >= one.memory.anonymous > 0
    assert sum(figures[1].disk.values()) > sum(figures[0].disk.values())


def test_what_was_added_to_measure_is_gone_again(grown: Index, figures: list[Figures]) -> None:
    assert grown.manifest.passages == figures[-1].passages
    assert not grown.store.ids("added-", 1)


def test_every_offset_in_the_index_is_right(grown: Index) -> None:
    made = 0
    for stored in grown.articles():
        for passage in grown.store.passages(grown.store.keys(stored.id)).values():
            assert (passage.start, passage.end) == (passage.sentences[0].start, passage.sentences[-1].end)
            for sentence in passage.sentences:
                text = stored.text[sentence.start : sentence.end]
                assert text
                assert text == text.strip()
        made += stored.id.startswith("s0")
    assert made > 50


def test_what_is_there_is_not_built_again(folder: Path, grown: Index, embedder: OnnxEmbedder) -> None:
    before = dict(grown.store.digests())
    notices: list[str] = []
    assert not list(run_scale(_job(folder, _FIRST), Settings(), embedder, notices.append))
    assert notices == ["the index is larger than 600 passages already; that size is left out"]
    settings = Settings(index=Path(grown.info.path))
    sample = sample_of(corpora_of([]), embedder, folder, limit=6_000, max_tokens=180)
    built = grow(Recombined(sample, max_tokens=180), _SECOND, settings, embedder, lambda _: None)
    assert built
    assert built.passages == 0
    assert dict(grown.store.digests()) == before


def test_figures_of_other_sizes_are_kept_and_so_is_what_building_took(figures: list[Figures], tmp_path: Path) -> None:
    small, large = figures
    again = large.model_copy(update={"built": None, "opened": 9.0})
    assert beside([small, large], [again]) == [small, large.model_copy(update={"opened": 9.0})]
    assert beside([], [large, small]) == [small, large]
    file = tmp_path / "figures.json"
    file.write_text(json.dumps([one.model_dump(mode="json") for one in figures]), encoding="utf-8")
    assert load_figures(file) == figures
    file.write_text("[{}]", encoding="utf-8")
    with pytest.raises(BadInput, match=r"figures\.json"):
        load_figures(file)


def test_an_index_grown_in_two_steps_is_one_grown_in_one(
    folder: Path, figures: list[Figures], embedder: OnnxEmbedder, tmp_path: Path
) -> None:
    settings = Settings(index=tmp_path / "index")
    sample = sample_of(corpora_of([]), embedder, folder, limit=6_000, max_tokens=180)
    grow(Recombined(sample, max_tokens=180), _SECOND, settings, embedder, lambda _: None)
    with (
        Index.open(settings=settings, embedder=embedder) as once,
        Index.open(next(folder.glob("index-*")), embedder=embedder) as twice,
    ):
        assert once.manifest.passages == figures[-1].passages
        assert once.manifest.digest == twice.manifest.digest


def test_an_index_of_other_articles_is_not_grown(seeds_index: Index, folder: Path, embedder: OnnxEmbedder) -> None:
    job = Job(sizes=[_FIRST], folder=folder, index=Path(seeds_index.info.path))
    with pytest.raises(BadInput, match="not made from this corpus"):
        list(run_scale(job, Settings(), embedder))


def test_recall_counts_what_is_missing_and_forgives_ties(tmp_path: Path, stand_in: StandIn) -> None:
    with Index.create(tmp_path / "index", settings=Settings(), embedder=stand_in) as index:
        store = index.store
        assert isinstance(store, EmbeddedStore)
        texts = [f"The {number} committee met. It had {number} members." for number in range(30)]
        store.write([indexed(article(f"a{number}", text)) for number, text in enumerate(texts)])
        store.write([indexed(article(f"twin{number}", texts[0])) for number in range(12)])
        store.sync()
        queries = stand_in.encode(texts[:3])
        assert recall(store, queries, Filter(), None).recall == 1
        kept = np.array(store.keys("a1") + store.keys("a2"), np.int64)
        among = Filter(without=frozenset(store.digests()) - {"a1", "a2"})
        assert list(keys_where(store, among)) == list(kept)
        assert recall(store, queries, among, kept).recall == 1
        assert recall(store, queries[1:], Filter(source="nobody"), None).recall == 0
        assert recall(store, queries, Filter(), np.array([], np.int64)).recall == 1


def test_a_process_that_cannot_ask_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="memory"):
        memory_of(Settings(index=tmp_path / "nothing"), [], [])


def test_disk_is_told_by_what_files_belong_to(tmp_path: Path) -> None:
    (tmp_path / "terms").mkdir()
    for name, size in (("catalog.sqlite", 5), ("catalog.sqlite-wal", 2), ("terms/a.b", 3), (".lock", 1)):
        (tmp_path / name).write_bytes(bytes(size))
    assert disk_of(tmp_path) == {"catalog": 7, "terms": 3, "other": 1}


def test_adding_is_timed_outside_the_encoder(embedder: OnnxEmbedder) -> None:
    done = run_add([], Settings(), embedder, passages=60, rounds=1)
    assert [0 < one.encoding < one.seconds for one in done] == [True]
    assert done[0].articles == 5
    page = add_page([Added(5, 26, 2.0, 1.8), Added(5, 26, 4.0, 3.0)])
    assert "| 2.0 | 1.8 | 13 | 10.0% |" in page.splitlines()
    assert "median share is 17.5%" in page


def test_the_timed_embedder_gives_what_the_embedder_gives(stand_in: StandIn) -> None:
    timed = Timed(stand_in)
    assert timed.info == stand_in.info
    assert np.array_equal(timed.encode(["one two"]), stand_in.encode(["one two"]))
    assert np.array_equal(timed.encode_query("one"), stand_in.encode_query("one"))
    assert timed.token_offsets("one two") == stand_in.token_offsets("one two")
    assert timed.seconds > 0


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_command_writes_page_figures_and_plot(model_cache: Path, tmp_path: Path) -> None:
    commands = Commands(tmp_path / "index", model_cache, tmp_path)
    options = ("--limit", "3", "--rounds", "1", "--added", "1", "--work", "work")
    written = ("--out", "page.md", "--json", "figures.json", "--plot", "plot.png")
    done = commands.rag("bench", "scale", "--passages", "40", *options, *written)
    assert done.code == 0, done.err
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.out
    record = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [Figures.model_validate(one).passages >= 40 for one in record] == [True]
    assert record[0]["exact"]["recall"] == 1
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert len([line for line in done.out.splitlines() if line.endswith(("| met |", "| not met |"))]) == 7
    more = commands.rag("bench", "scale", "--passages", "60", *options, "--with", "figures.json", *written)
    assert "| passages | 4" in more.out
    assert "**disk** grows" in more.out
    assert len(json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))) == 2
    smaller = commands.rag("bench", "scale", "--passages", "20", *options)
    assert smaller.code == 1
    assert "larger than every size" in smaller.err
    assert K == 10
