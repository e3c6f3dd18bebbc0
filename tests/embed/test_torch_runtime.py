"""The embedder for devices gives the vectors of the one for processors; a device that is not there is named."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rag import embed
from rag.config import DEFAULT_MODEL, Settings
from rag.embed import Embedder, OnnxEmbedder
from rag.embed.torch_runtime import TorchEmbedder, resolve
from rag.errors import ModelMismatch, ModelMissing
from rag.types import Span


def _same(one: Embedder, other: Embedder, texts: list[str]) -> None:
    """Both give the same vectors for texts, questions, and thirds of texts."""
    cuts = [[0, len(text) // 3, 2 * len(text) // 3, len(text)] for text in texts]
    spans = [[Span(start, end) for start, end in pairwise(cut)] for cut in cuts]
    assert (one.encode(texts) * other.encode(texts)).sum(axis=1).min() >= 0.9999
    for mine, its in zip(one.encode_spans(texts, spans), other.encode_spans(texts, spans), strict=True):
        assert mine.text @ its.text >= 0.9999
        there = np.linalg.norm(its.spans, axis=1) > 0
        assert np.array_equal(there, np.linalg.norm(mine.spans, axis=1) > 0)
        assert ((mine.spans * its.spans).sum(axis=1)[there] >= 0.9999).all()
    for text in texts[:20]:
        assert one.encode_query(text) @ other.encode_query(text) >= 0.9999


def test_the_vectors_are_those_of_the_runtime(
    embedder: OnnxEmbedder, torch_embedder: TorchEmbedder, passages: list[str]
) -> None:
    lengths = [len(embedder.token_offsets(text)) for text in passages]
    assert sum(length > 256 for length in lengths) >= 20
    assert sum(not text.isascii() for text in passages) >= 4
    _same(torch_embedder, embedder, passages)


def test_the_model_and_its_tokens_are_the_same(
    embedder: OnnxEmbedder, torch_embedder: TorchEmbedder, passages: list[str]
) -> None:
    assert torch_embedder.info == embedder.info
    for text in passages:
        assert torch_embedder.token_offsets(text) == embedder.token_offsets(text)


def test_a_model_with_cls_pooling(tiny_model: Path, tmp_path: Path) -> None:
    ours = TorchEmbedder(str(tiny_model), "cpu")
    exported = embed.load(str(tiny_model), tmp_path)
    assert ours.info == exported.info
    _same(ours, exported, ["hello world. talks, 2024", "a, b, c. " * 40, "x", "Geneva hosted the talks."])


def test_what_a_model_wants_before_texts_is_put_there(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prompted"
    shutil.copytree(tiny_model, folder)
    card = folder / "config_sentence_transformers.json"
    text = card.read_text(encoding="utf-8")
    assert '"query": ""' in text
    text = text.replace('"query": ""', '"query": "ask, "').replace('"document": ""', '"document": "read. "')
    card.write_text(text, encoding="utf-8")
    ours, plain = TorchEmbedder(str(folder), "cpu"), TorchEmbedder(str(tiny_model), "cpu")
    assert np.allclose(ours.encode_query("geneva"), plain.encode(["ask, geneva"])[0], atol=1e-5)
    assert np.allclose(ours.encode(["geneva"]), plain.encode(["read. geneva"]), atol=1e-5)
    _same(ours, embed.load(str(folder), tmp_path / "cache"), ["hello world. talks, 2024", "a, b, c. " * 40])


def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(ModelMissing, match="cannot be loaded on cpu") as caught:
        TorchEmbedder(str(tmp_path), "cpu")
    assert "\n" not in str(caught.value)


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many devices of a kind this machine is said to have; the tests change it."""
    import torch

    known = {"cuda": 0, "mps": 0}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: known["cuda"] > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: known["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: known["mps"] > 0)
    return known


@pytest.mark.parametrize(
    ("cuda", "mps", "device", "expected"),
    [
        (0, 0, "cpu", "cpu"),
        (0, 0, "auto", "cpu"),
        (0, 1, "auto", "mps"),
        (1, 1, "auto", "cuda"),
        (1, 0, "cuda", "cuda"),
        (2, 0, "cuda:1", "cuda:1"),
        (1, 1, "mps", "mps"),
        (1, 1, "cpu", "cpu"),
    ],
)
def test_what_a_setting_stands_for(cuda: int, mps: int, device: str, expected: str, devices: dict[str, int]) -> None:
    devices |= {"cuda": cuda, "mps": mps}
    assert resolve(device) == expected


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "no CUDA device for PyTorch"),
        ("cuda:0", "no CUDA device for PyTorch"),
        ("mps", "no MPS device for PyTorch"),
        ("gpu", "'gpu' is no device"),
        ("", "'' is no device"),
        ("cuda:", "'cuda:' is no device"),
        ("cpu:1", "'cpu:1' is no device"),
    ],
)
def test_a_device_that_is_not_there_is_named(device: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=message) as caught:
        embed.load(DEFAULT_MODEL, tmp_path, device=device)
    assert "--device cpu" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_no_device_has_is_named(devices: dict[str, int]) -> None:
    devices["cuda"] = 2
    with pytest.raises(ModelMissing, match="no device cuda:2") as caught:
        resolve("cuda:2")
    assert "cuda:0 to cuda:1, or cpu" in caught.value.remedy


@pytest.mark.usefixtures("devices")
def test_processors_run_the_exported_model(tiny_model: Path, tmp_path: Path) -> None:
    assert isinstance(embed.load(str(tiny_model), tmp_path, device="auto"), OnnxEmbedder)


def test_a_device_runs_the_model_itself(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: dict[str, int]
) -> None:
    devices["mps"] = 1
    asked = []

    def on_processors(name: str, device: str) -> TorchEmbedder:
        asked.append(device)
        return TorchEmbedder(name, "cpu")

    monkeypatch.setattr("rag.embed.torch_runtime.TorchEmbedder", on_processors)
    found = embed.load(str(tiny_model), tmp_path, device="auto")
    assert isinstance(found, TorchEmbedder)
    assert asked == ["mps"]
    assert list(tmp_path.iterdir()) == []  # nothing is exported for it
    with pytest.raises(ModelMismatch, match="other weights"):
        embed.load(str(tiny_model), tmp_path, sha256="0" * 64, device="mps")


def test_the_setting() -> None:
    assert Settings().device == "cpu"
