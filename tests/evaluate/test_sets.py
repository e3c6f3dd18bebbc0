from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate import sets
from rag.evaluate.sets import EvalSet, corpus_digest, open_index, seeds, set_of_files, set_of_folder
from tests.stand_in import StandIn


def make_set(folder: Path, texts: Sequence[str] = ("The ferry sank near Oslo on Monday.", "Nobody came.")) -> Path:
    """A folder in the layout of the external sets."""
    folder.mkdir(exist_ok=True)
    articles = [{"id": f"a{n}", "title": f"News {n}", "text": text} for n, text in enumerate(texts)]
    questions = [
        {
            "id": "q0",
            "question": "Where did the ferry sink?",
            "answerable": True,
            "kind": "where",
            "answers": ["near Oslo"],
            "evidence": [{"doc_id": "a0", "quote": "The ferry sank near Oslo on Monday."}],
        },
        {"id": "q1", "question": "Who won the World Cup?", "answerable": False, "kind": "who", "evidence": []},
    ]
    for name, rows in (("corpus.jsonl", articles), ("questions.jsonl", questions)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def _open(chosen: EvalSet, cache: Path, embedder: StandIn, notices: list[str] | None = None) -> tuple[str, int]:
    told = notices if notices is not None else []
    with open_index(chosen, Settings(passage_tokens=20), cache, embedder=embedder, notice=told.append) as index:
        return index.info.path, index.manifest.articles


def test_a_folder_is_a_set_of_its_name(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "ferries")
    assert set_of_folder(folder) == EvalSet("ferries", folder / "questions.jsonl", (folder / "corpus.jsonl",))


@pytest.mark.parametrize("missing", ["corpus.jsonl", "questions.jsonl"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, missing: str) -> None:
    folder = make_set(tmp_path / "ferries")
    (folder / missing).unlink()
    with pytest.raises(BadInput, match=f"has no {missing}"):
        set_of_folder(folder)


def test_a_gold_file_goes_with_several_corpora(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "ferries")
    texts = tmp_path / "texts"
    texts.mkdir()
    gold = folder / "questions.jsonl"
    assert set_of_files(gold, [folder, texts]) == EvalSet("questions", gold, (folder / "corpus.jsonl", texts))
    with pytest.raises(BadInput, match="is not there"):
        set_of_files(gold, [tmp_path / "none"])


def test_the_seeds_are_a_set() -> None:
    assert seeds().name == "seeds"
    assert seeds().gold.is_file()


def test_an_index_is_made_once_and_used_again(tmp_path: Path, stand_in: StandIn) -> None:
    chosen = set_of_folder(make_set(tmp_path / "ferries"))
    path, articles = _open(chosen, tmp_path / "cache", stand_in)
    assert articles == 2
    assert Path(path).parent == tmp_path / "cache"
    encoded = stand_in.encoded
    assert encoded > 0
    assert _open(chosen, tmp_path / "cache", stand_in) == (path, 2)
    assert stand_in.encoded == encoded


def test_another_corpus_model_or_chunk_size_has_an_index_of_its_own(tmp_path: Path, stand_in: StandIn) -> None:
    chosen = set_of_folder(make_set(tmp_path / "ferries"))
    paths = {_open(chosen, tmp_path / "cache", stand_in)[0], _open(chosen, tmp_path / "cache", StandIn("other"))[0]}
    with open_index(chosen, Settings(passage_tokens=30), tmp_path / "cache", embedder=stand_in) as index:
        paths.add(index.info.path)
    changed = set_of_folder(make_set(tmp_path / "ferries", ["The ferry sank near Bergen."]))
    paths.add(_open(changed, tmp_path / "cache", stand_in)[0])
    assert len(paths) == 4


def test_the_same_corpus_elsewhere_has_the_same_index(tmp_path: Path, stand_in: StandIn) -> None:
    (tmp_path / "elsewhere").mkdir()
    one = set_of_folder(make_set(tmp_path / "ferries"))
    other = set_of_folder(make_set(tmp_path / "elsewhere" / "ferries"))
    assert corpus_digest(one.corpora) == corpus_digest(other.corpora)
    assert _open(one, tmp_path / "cache", stand_in) == _open(other, tmp_path / "cache", stand_in)


def test_the_digest_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("news")
    digests = {corpus_digest([tmp_path])}
    (tmp_path / "one.txt").write_text("other news")
    digests.add(corpus_digest([tmp_path]))
    (tmp_path / "one.txt").rename(tmp_path / "two.txt")
    digests.add(corpus_digest([tmp_path]))
    assert len(digests) == 3


def test_an_index_made_by_other_code_is_made_anew(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = set_of_folder(make_set(tmp_path / "ferries"))
    path, _ = _open(chosen, tmp_path / "cache", stand_in)
    encoded = stand_in.encoded
    monkeypatch.setattr(sets, "_code_digest", lambda: "other code")
    notices: list[str] = []
    assert _open(chosen, tmp_path / "cache", stand_in, notices) == (path, 2)
    assert stand_in.encoded == 2 * encoded
    assert any("making it anew" in notice for notice in notices)


def test_an_index_made_halfway_is_completed(tmp_path: Path, stand_in: StandIn) -> None:
    chosen = set_of_folder(make_set(tmp_path / "ferries"))
    path, _ = _open(chosen, tmp_path / "cache", stand_in)
    with open_index(chosen, Settings(passage_tokens=20), tmp_path / "cache", embedder=stand_in) as index:
        index.remove("a1")
    (Path(path) / "made-by").unlink()
    assert _open(chosen, tmp_path / "cache", stand_in) == (path, 2)


def test_what_is_skipped_is_told_and_an_empty_corpus_refused(tmp_path: Path, stand_in: StandIn) -> None:
    folder = make_set(tmp_path / "ferries")
    (folder / "corpus.jsonl").write_text("nonsense\n")
    notices: list[str] = []
    with pytest.raises(BadInput, match="has no article"):
        _open(set_of_folder(folder), tmp_path / "cache", stand_in, notices)
    assert any("skipped" in notice for notice in notices)
