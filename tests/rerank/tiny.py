"""Cross-encoders of random weights, small enough to make in a test."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}
MAX_TOKENS = 64


def bert(folder: Path, *, labels: int = 1, names: Sequence[str] = (), half: bool = False) -> Path:
    """A BERT with a classification head, of labels with names where some are given; `half`: weights in 16 bits."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = _tokenizer(types=True)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    named: dict[str, Any] = {"id2label": dict(enumerate(names)), "label2id": {name: n for n, name in enumerate(names)}}
    said: dict[str, Any] = named if names else {"num_labels": labels}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=MAX_TOKENS, **said, **SIZES)
    model = BertForSequenceClassification(config)
    (model.half() if half else model).save_pretrained(folder)
    return folder


def roberta(folder: Path) -> Path:
    """A RoBERTa: no token types, positions that begin after the padding's."""
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    tokenizer = _tokenizer(types=False)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=MAX_TOKENS + 1, num_labels=1, pad_token_id=0, **SIZES
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


def modular(folder: Path, backbone: Path) -> Path:
    """A cross-encoder of modules: BERT, pooling of two kinds, a linear layer, a prompt, an activation of its own."""
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    torch.manual_seed(2)
    head = Dense(
        64,
        1,
        activation_function=torch.nn.Identity(),
        module_input_name="sentence_embedding",
        module_output_name="scores",
    )
    modules = [Transformer(str(backbone), max_seq_length=48), Pooling(32, pooling_mode=("cls", "mean")), head]
    model = CrossEncoder(modules=modules, device="cpu", activation_fn=torch.nn.Softsign())
    model.prompts = {"query": "find: "}
    model.default_prompt_name = "query"
    model.save(str(folder))
    return folder


def _tokenizer(*, types: bool) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    characters = string.ascii_lowercase + string.digits
    words = ["the", "said", "china", "geneva", "talks", "in", "on", "what", "who"]
    pieces = [*SPECIAL.values(), *characters, ".", ",", "?", *words, *(f"##{one}" for one in characters)]
    tokenizer = Tokenizer(models.WordPiece({piece: row for row, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1" if types else "[CLS] $A [SEP] [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ["input_ids", *(["token_type_ids"] if types else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **SPECIAL)
