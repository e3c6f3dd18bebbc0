"""The exported model on ONNX Runtime and `tokenizers`: what queries and CPU ingests run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo, TextVectors, Vectors
from rag.embed.export import CARD_FILE, MODEL_FILE, TOKENIZER_FILE, Notice, export_folder, exported
from rag.errors import ModelMismatch, ModelMissing
from rag.types import Span

_BATCH_TOKENS = 4096
_MAX_BATCH = 64
_QUERY_PROMPTS = ("query", "search_query", "question")
_TEXT_PROMPTS = ("passage", "document", "search_document", "corpus")


class OnnxEmbedder:
    """An `Embedder` over an exported model. Batches are sorted by length, so padding is rare.

    Args:
        folder: the export (graph, tokenizer, card).

    Raises:
        ModelMissing: the export cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._folder = folder
        try:
            card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
            self._info = ModelInfo.model_validate(card["info"])
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
            self._query_session = _session(folder, prepack=False)
        except Exception as error:  # each library raises its own kinds for a damaged file
            raise ModelMissing(
                f"the exported model in {folder} cannot be read", "Delete that folder; the next run exports it again"
            ) from error
        self._prompts: dict[str, str] = card["prompts"]

    @cached_property
    def _text_session(self) -> Any:
        return _session(self._folder, prepack=True)

    @property
    def info(self) -> ModelInfo:
        """The model's identity."""
        return self._info

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, shape (dimension,)."""
        vector: NDArray[np.float32] = self._encode([self._prompt(_QUERY_PROMPTS) + text], self._query_session)[0]
        return vector

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, shape (len(texts), dimension), in the order of the texts."""
        prompt = self._prompt(_TEXT_PROMPTS)
        return self._encode([prompt + text for text in texts], self._text_session)

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """The vectors of texts and of spans inside them.

        With mean pooling a span's vector is the mean of its tokens' outputs in the forward pass of the whole text, so it costs nothing more; other
        poolings encode the span by itself.
        """
        if self._info.pooling != "mean":
            return self._encode_spans_alone(texts, spans)
        prompt = self._prompt(_TEXT_PROMPTS)
        found: list[TextVectors | None] = [None] * len(texts)
        for rows, encodings, (vectors, tokens) in self._batches([prompt + text for text in texts], self._text_session):
            for row, encoding, vector, outputs in zip(rows, encodings, vectors, tokens, strict=True):
                offsets = np.array(encoding.offsets) - len(prompt)
                pooled = [_mean(outputs[: len(offsets)], offsets, span) for span in spans[row]]
                stacked = np.stack(pooled) if pooled else np.empty((0, self._info.dimension), np.float32)
                found[row] = TextVectors(_unit(vector), _unit(stacked))
        return [vectors for vectors in found if vectors is not None]

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The offsets of the text's tokens, special tokens left out, nothing truncated."""
        self._tokenizer.no_truncation()
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _prompt(self, names: Sequence[str]) -> str:
        return next((self._prompts[name] for name in names if name in self._prompts), "")

    def _encode(self, texts: Sequence[str], session: Any) -> Vectors:
        found = np.empty((len(texts), self._info.dimension), np.float32)
        for rows, _, (vectors, _) in self._batches(texts, session):
            found[rows] = _unit(vectors)
        return found

    def _encode_spans_alone(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        pieces = [text[span.start : span.end] for text, its in zip(texts, spans, strict=True) for span in its]
        alone = self.encode(pieces)
        found, at = [], 0
        for vector, its in zip(self.encode(texts), spans, strict=True):
            found.append(TextVectors(vector, alone[at : at + len(its)]))
            at += len(its)
        return found

    def _batches(self, texts: Sequence[str], session: Any) -> Any:
        """Yields (row numbers, encodings, (text vectors, token outputs)) for batches of texts of like length."""
        self._tokenizer.enable_truncation(self._info.max_tokens)
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda row: -len(encodings[row].ids))
        while order:
            width = len(encodings[order[0]].ids)
            size = max(1, min(_MAX_BATCH, _BATCH_TOKENS // max(1, width)))
            rows, order = order[:size], order[size:]
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for line, row in enumerate(rows):
                length = len(encodings[row].ids)
                ids[line, :length] = encodings[row].ids
                mask[line, :length] = 1
            outputs = session.run(["text", "tokens"], {"input_ids": ids, "attention_mask": mask})
            yield rows, [encodings[row] for row in rows], outputs


def load(name: str, cache: Path, *, sha256: str | None = None, notice: Notice = lambda _: None) -> OnnxEmbedder:
    """The runtime embedder of a model, exported first if the cache does not have it.

    Args:
        name: the model's name or folder.
        cache: the folder of exports.
        sha256: the hash of the weights that must be used; with it, a cached export is found without reading the weights.
        notice: told in a line when something takes long.

    Raises:
        ModelMissing: the model is not on this machine, or not the published one.
        ModelMismatch: the weights on this machine are not those asked for.
    """
    folder = export_folder(cache, sha256) if sha256 else None
    if folder is None or not (folder / CARD_FILE).is_file():
        folder = exported(name, cache, notice)
    embedder = OnnxEmbedder(folder)
    if sha256 and embedder.info.sha256 != sha256:
        raise ModelMismatch(
            f"{name} on this machine has other weights than those the index was built with",
            "Install that version of the model, or add the articles to a new index",
        )
    return embedder


def _session(folder: Path, *, prepack: bool) -> Any:
    """An ONNX Runtime session. Packing the weights first makes batches faster and the start slower."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not prepack:
        options.add_session_config_entry("session.disable_prepacking", "1")
    return ort.InferenceSession(str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])


def _mean(outputs: NDArray[np.float32], offsets: NDArray[np.int64], span: Span) -> NDArray[np.float32]:
    inside = (offsets[:, 0] < span.end) & (offsets[:, 1] > span.start) & (offsets[:, 1] > offsets[:, 0])
    if not inside.any():  # truncated away: no evidence either way
        return np.zeros(outputs.shape[1], np.float32)
    mean: NDArray[np.float32] = outputs[inside].mean(axis=0)
    return mean


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit
