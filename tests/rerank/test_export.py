"""A cross-encoder is exported once, whole or not at all; what cannot be used is named with its remedy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag import rerank
from rag.config import DEFAULT_MODEL
from rag.embed.source import weights_sha256
from rag.errors import BadInput, ModelMissing
from rag.rerank import OnnxReranker
from rag.rerank.folder import read_card, verify
from tests.rerank import tiny

_HEAVY = {"torch", "transformers", "sentence_transformers", "onnx", "huggingface_hub", "scipy", "sklearn"}
_LOAD = """
import sys
from pathlib import Path
from rag import rerank
print(rerank.load(sys.argv[1], Path(sys.argv[2])).score("who?", ["china", "geneva"]).shape, *sys.modules)
"""
_KILLED = """
import os, signal, sys
from pathlib import Path
from rag.embed.export import in_one_step
with in_one_step(Path(sys.argv[1])) as work:
    (work / "model.onnx").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_export_is_made_once(tiny_model: Path, reranker_cache: Path, reranker: OnnxReranker) -> None:
    notices: list[str] = []
    again = rerank.load(str(tiny_model), reranker_cache, notice=notices.append)
    assert notices == []
    assert again.info == reranker.info
    assert again.info.sha256 == weights_sha256(tiny_model)
    assert (again.info.name, again.info.max_tokens) == (str(tiny_model), tiny.MAX_TOKENS)


def test_an_export_says_what_it_is(export_folder: Path) -> None:
    verify(export_folder)
    card = read_card(export_folder)
    assert set(card.files_sha256) == {"model.onnx", "weights.bin", "tokenizer.json"}
    assert (card.heads, card.width, card.prompt) == (2, 32, "")
    assert "torch" in card.provenance["made_with"]


@pytest.mark.parametrize("ready", [False, True], ids=["cached", "ready to run"])
def test_a_query_imports_nothing_heavy(
    tiny_model: Path, reranker_cache: Path, small_folder: Path, *, ready: bool
) -> None:
    folder = small_folder if ready else tiny_model
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(folder), str(reranker_cache)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("(2,)")
    imported = set(done.stdout.split())
    assert {"rag.rerank.runtime", "onnxruntime", "tokenizers"} <= imported
    assert not imported & _HEAVY
    assert done.stderr == ""


def test_changed_weights_are_another_model(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    first = rerank.load(tmp_path / "model", tmp_path / "cache")
    from safetensors.numpy import load_file, save_file

    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["classifier.weight"] = -weights["classifier.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    second = rerank.load(tmp_path / "model", tmp_path / "cache")
    assert second.info.sha256 == weights_sha256(tmp_path / "model") != first.info.sha256
    assert second.score("who?", ["china"]) != first.score("who?", ["china"])


def test_a_killed_process_leaves_no_half_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "out")], check=False)
    assert done.returncode < 0
    assert not (tmp_path / "out").exists()


def test_an_interrupted_export_leaves_nothing_and_is_made_again(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rag.rerank.export.split_weights", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rerank.load(tiny_model, tmp_path)
    assert [path.name for path in (tmp_path / "rerank").iterdir()] == ["hashes"]
    notices: list[str] = []
    assert rerank.load(tiny_model, tmp_path, notice=notices.append).score("who?", ["china"]).shape == (1,)
    assert len(notices) == 1


def test_an_export_that_scores_otherwise_is_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.rerank.export._max_tokens", lambda _: 8)  # what is cut changes the score
    with pytest.raises(ModelMissing, match="does not give the scores of the original"):
        rerank.load(tiny_model, tmp_path)
    assert [path.name for path in (tmp_path / "rerank").iterdir()] == ["hashes"]


@pytest.mark.parametrize("file", ["model.onnx", "weights.bin", "tokenizer.json", "reranker.json"])
@pytest.mark.parametrize("data", [None, b"", b"garbage"], ids=["deleted", "emptied", "overwritten"])
def test_a_damaged_folder_names_the_remedy(export_folder: Path, tmp_path: Path, file: str, data: bytes | None) -> None:
    shutil.copytree(export_folder, tmp_path / "damaged")
    if data is None:
        (tmp_path / "damaged" / file).unlink()
    else:
        (tmp_path / "damaged" / file).write_bytes(data)
    with pytest.raises(ModelMissing, match="cannot be read") as caught:
        OnnxReranker(tmp_path / "damaged")
    assert str(tmp_path / "damaged") in caught.value.message
    assert "again" in caught.value.remedy
    with pytest.raises(ModelMissing, match=re.escape(file)):
        verify(tmp_path / "damaged")


def test_a_flipped_bit_is_found(small_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "flipped")
    path = tmp_path / "flipped" / "model.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelMissing, match="damaged"):
        verify(tmp_path / "flipped")


def test_a_card_of_a_later_format_is_refused(small_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "later")
    card = tmp_path / "later" / "reranker.json"
    card.write_text(card.read_text(encoding="utf-8").replace('"format": 1', '"format": 2'), encoding="utf-8")
    with pytest.raises(ModelMissing, match="cannot be read"):
        rerank.load(tmp_path / "later", tmp_path / "cache")


def test_a_model_that_is_not_here_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="someone/no-such-model") as caught:
        rerank.load("someone/no-such-model", tmp_path)
    assert "download" in caught.value.remedy


def test_an_embedding_model_is_no_cross_encoder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no head that scores"):
        rerank.load(DEFAULT_MODEL, tmp_path)


def test_a_model_with_several_labels_is_refused(tmp_path: Path) -> None:
    folder = tiny.bert(tmp_path / "model", labels=3)
    with pytest.raises(BadInput, match="3 labels"):
        rerank.load(folder, tmp_path / "cache")


def test_a_model_that_cannot_be_used_is_named_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(ModelMissing, match="cannot be exported") as caught:
        rerank.load(tmp_path / "model", tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_named(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelMissing, match="cannot be exported") as caught:
        rerank.load(tiny_model, tmp_path / "file" / "cache")
    assert "permissions" in caught.value.remedy
