"""Texts and a small model that the tests of all embedders share."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path

import pytest

from rag.config import DEFAULT_MODEL
from rag.embed.torch_runtime import TorchEmbedder
from rag.resources import resource

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


@pytest.fixture(scope="session")
def passages() -> list[str]:
    """200 texts: sentences of the seeds, and runs of 2 to 40 of them, so some are longer than the model reads."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(resource("seeds").glob("*.txt")))
    sentences = [sentence for sentence in re.split(r"(?<=[.!?])\s+|\n+", text) if sentence.strip()]
    choice = random.Random(7)  # noqa: S311 - a fixed choice, not a secret
    texts = [*ODDITIES, *sentences[:90]]
    while len(texts) < 200:
        texts.append(" ".join(choice.sample(sentences, choice.randint(2, 40))))
    return texts


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def torch_embedder() -> TorchEmbedder:
    """The default model as torch runs it, here on processors."""
    return TorchEmbedder(DEFAULT_MODEL, "cpu")
