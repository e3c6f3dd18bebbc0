"""Any sentence-transformers cross-encoder to ONNX, once, checked against the original.

One with one label gives its score; of one with several, one of which is entailment, that label's probability.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embed.export import (
    MODEL_FILE,
    TOKENIZER_FILE,
    Notice,
    in_one_step,
    plain_tokenizer,
    quiet,
    split_weights,
    trace,
)
from rag.embed.source import ModelSource, canonical, folder_of, weights_sha256
from rag.errors import BadInput, ModelMissing, RagError
from rag.rerank.base import RerankerInfo
from rag.rerank.folder import FORMAT, is_reranker, write_card
from rag.rerank.runtime import OnnxReranker

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SAMPLE = (
    ("Who met?", "Two envoys met."),
    ("Where?", "In Zürich, it is said — 2 days."),
    ("a", ""),
)
_ENTAILED = (
    ("Two envoys met in Geneva on Tuesday.", "Envoys met in Geneva."),
    ("Two envoys met in Geneva on Tuesday.", "No envoy went to Geneva."),
)
_ENTAILMENT = ("entailment", "entails", "entail", "entailed")
_MOST_TOKENS = 8192
_TOLERANCE = 1e-3
_KEEPS_ORDER = ("Identity", "Sigmoid", "Tanh")
_POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer")
"""Kinds of model that count positions from the number after the padding token's."""


@dataclass(frozen=True)
class Label:
    """One of a classifier's labels: its row among the logits, of how many, and its name."""

    row: int
    labels: int
    name: str


def exported(name: str, cache: Path, notice: Notice = lambda _: None, *, entailment: bool = False) -> Path:
    """The folder of a cross-encoder's export, made if it is not in the cache yet.

    Args:
        name: the model's name or folder.
        cache: the folder of exports.
        notice: told in a line when something takes long.
        entailment: whether it is to give the probability of entailment instead of a score that ranks.

    Raises:
        ModelMissing: the model is not on this machine, or cannot be exported.
        BadInput: it is no cross-encoder, or one that gives several labels and no score; for entailment, one without a
            label of entailment.
    """
    name = canonical(name)
    source_folder = folder_of(name)
    label = _entailment(name, source_folder) if entailment else None
    source = ModelSource(name, source_folder, _sha256(source_folder, cache))
    folder = cache / "rerank" / f"{source.sha256}-{FORMAT}"
    if label:  # which row is entailment stands beside the weights, not in them
        folder = cache / "entail" / f"{source.sha256}-{label.row}-{FORMAT}"
    kind = "entailment model" if label else "reranker"
    if not is_reranker(folder):
        notice(f"preparing the {kind} {name} (once)")
        try:
            export(source, folder, label)
        except RagError:
            raise
        except Exception as error:  # each library raises its own kinds for a model it cannot use
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelMissing(
                f"the {kind} {name} in {source_folder} cannot be exported to {cache}: {reason}",
                "Check that it is a complete cross-encoder, and the cache's permissions and free space",
            ) from error
    return folder


def export(source: ModelSource, folder: Path, label: Label | None = None) -> None:
    """Exports a cross-encoder into a folder, in one step: the folder is complete or not there.

    The graph ends at the logit, before the model's activation, where that keeps the order; for a label, at its
    probability.

    Raises:
        BadInput: the model is no cross-encoder, or not one with one label; for a label, not one with as many as it says.
        ValueError: the export does not give the scores of the original.
    """
    from importlib.metadata import version

    with in_one_step(folder) as work:
        _check_head(source)
        model = reference(source.folder)
        _check_labels(source.name, model.num_labels, label)
        sample = (*SAMPLE, *_ENTAILED) if label else SAMPLE
        head = _head(model, label)
        expected = [float(score) for score in model.predict(list(sample), activation_fn=head)]
        _write_graph(model, head, work / "traced.onnx")
        split_weights(work / "traced.onnx", work / MODEL_FILE)
        plain_tokenizer(model).save(str(work / TOKENIZER_FILE))
        write_card(
            work,
            RerankerInfo(name=source.name, sha256=source.sha256, max_tokens=_max_tokens(model)),
            label=label.name if label else "",
            prompt=model.prompts.get(model.default_prompt_name or "", ""),
            heads=getattr(model.config, "num_attention_heads", 0),
            width=getattr(model.config, "hidden_size", 0),
            provenance={
                "made_with": {lib: version(lib) for lib in ("sentence-transformers", "transformers", "torch", "onnx")}
            },
        )
        runtime = OnnxReranker(work)
        scores = [float(runtime.score(question, [text])[0]) for question, text in sample]
        if not np.allclose(scores, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ValueError("the export does not give the scores of the original")


def reference(folder: Path) -> CrossEncoder:
    """The model as sentence-transformers loads it, without the network and without its progress bars."""
    import torch
    from sentence_transformers import CrossEncoder

    # the plain attention is what ONNX Runtime's fusions know; weights kept in 16 bits are slow and coarse on processors
    how = {"attn_implementation": "eager", "dtype": torch.float32}
    with quiet():
        return CrossEncoder(str(folder), device="cpu", local_files_only=True, model_kwargs=how).eval()


def _check_head(source: ModelSource) -> None:
    """Refuses a model without a head that scores: the library would give it one of random weights."""
    heads = _json(source.folder / "config.json").get("architectures") or []
    kind = _json(source.folder / "config_sentence_transformers.json").get("model_type")
    if kind != "CrossEncoder" and not any(str(head).endswith("ForSequenceClassification") for head in heads):
        raise BadInput(f"{source.name} is no cross-encoder: it has no head that scores", "Name a cross-encoder")


def _entailment(name: str, folder: Path) -> Label:
    """The label of entailment, found by its name.

    Raises:
        BadInput: the model is no cross-encoder, or has no such label beside another.
        ModelMissing: its configuration cannot be read.
    """
    try:
        _check_head(ModelSource(name, folder, ""))
        named = {int(row): str(label) for row, label in (_json(folder / "config.json").get("id2label") or {}).items()}
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{folder / 'config.json'} cannot be read", "Save or download the model again") from error
    rows = [row for row, label in named.items() if label.strip().casefold() in _ENTAILMENT]
    if len(rows) != 1 or len(named) == 1:
        labels = ", ".join(named[row] for row in sorted(named)) or "none has a name"
        raise BadInput(
            f"the model {name} does not tell which one of its labels is entailment ({labels})",
            "Name a model of natural-language inference, or correct id2label in its config.json",
        )
    return Label(rows[0], len(named), named[rows[0]])


def _check_labels(name: str, labels: int, label: Label | None) -> None:
    """Refuses a model whose logits are not what its labels say."""
    if label is None and labels != 1:
        raise BadInput(
            f"the cross-encoder {name} gives {labels} labels instead of one score",
            "Name a cross-encoder with one label, trained for ranking",
        )
    if label and labels != label.labels:
        raise BadInput(
            f"the model {name} gives {labels} scores, but has names for {label.labels} labels",
            "Correct id2label in its config.json",
        )


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _head(model: CrossEncoder, label: Label | None) -> Any:
    """From logits, shape (batch, labels), to what the export gives, shape (batch,) or (batch, 1)."""
    return (lambda logits: logits.softmax(-1)[:, label.row]) if label else _activation(model)


def _activation(model: CrossEncoder) -> Any:
    """What stands between logit and score: nothing, where the model's activation keeps the order anyway."""
    import torch

    return torch.nn.Identity() if type(model.activation_fn).__name__ in _KEEPS_ORDER else model.activation_fn


def _write_graph(model: CrossEncoder, head: Any, path: Path) -> None:
    import torch

    sample = model.preprocess([*SAMPLE])
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in sample]

    class Scored(torch.nn.Module):  # type: ignore[misc]
        """The whole model as one graph: the tokens of a pair in, its score out."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            scores = self.model(dict(zip(names, tensors, strict=True)))["scores"]
            return head(scores).reshape(-1)

    trace(Scored().eval(), {name: sample[name] for name in names}, {"score": ("batch",)}, path)


def _max_tokens(model: CrossEncoder) -> int:
    positions = getattr(model.config, "max_position_embeddings", None) or _MOST_TOKENS
    if getattr(model.config, "model_type", "") in _POSITIONS_AFTER_PADDING:
        positions -= model.config.pad_token_id + 1
    return min(int(model.max_seq_length or _MOST_TOKENS), int(positions), _MOST_TOKENS)


def _sha256(folder: Path, cache: Path) -> str:
    """The hash of a folder's weights; computed again only when a file of them has changed.

    A large model takes a second to read, at every question.
    """
    stats = [(path, path.stat()) for path in sorted(folder.rglob("*.safetensors"))]
    seen = "".join(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}\n" for path, stat in stats)
    memory = cache / "rerank" / "hashes" / hashlib.sha256(seen.encode()).hexdigest()
    if memory.is_file() and len(known := memory.read_text(encoding="ascii")) == hashlib.sha256().digest_size * 2:
        return known
    sha256 = weights_sha256(folder)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(sha256, encoding="ascii")
    return sha256
