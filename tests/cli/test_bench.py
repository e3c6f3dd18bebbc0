from __future__ import annotations

from pathlib import Path

from tests.cli.process import Commands


def test_bench_encode_prints_and_writes_a_page(fresh: Commands, tmp_path: Path) -> None:
    done = fresh.rag("bench", "encode", "--rounds", "1", "--passages", "8", "--out", "page.md")
    assert done.code == 0, done.err
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.out
    assert done.out.startswith("# Encoding\n\n8 passages of the seeds, ")


def test_bench_add_prints_and_writes_a_page(fresh: Commands, tmp_path: Path) -> None:
    done = fresh.rag("bench", "add", "--rounds", "1", "--passages", "20", "--out", "page.md")
    assert done.code == 0, done.err
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.out
    assert "share outside the encoder" in done.out


def test_a_corpus_that_is_not_there_is_named(fresh: Commands) -> None:
    for command in ("encode", "add"):
        done = fresh.rag("bench", command, "--corpus", "nothing.jsonl")
        assert done.code == 1
        assert "the corpus nothing.jsonl is not there" in done.err
