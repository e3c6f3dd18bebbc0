"""The exported model on ONNX Runtime and `tokenizers`: what queries and CPU ingests run."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import Embedder, ModelInfo
from rag.embed.export import CARD_FILE, MODEL_FILE, TOKENIZER_FILE, Notice, export_folder, exported
from rag.embed.passes import Batch, PassEmbedder, Room, cores
from rag.errors import ModelMismatch, ModelMissing

_BATCH_TOKENS = 384
_MAX_BATCH = 32


class OnnxEmbedder(PassEmbedder):
    """An `Embedder` over an exported model.

    Each core runs small batches of its own in one thread: what a layer computes stays in the core's cache, and no core waits for another.

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
            super().__init__(
                ModelInfo.model_validate(card["info"]),
                card["prompts"],
                Tokenizer.from_file(str(folder / TOKENIZER_FILE)),
                Room(_BATCH_TOKENS, _MAX_BATCH, cores()),
            )
            self._query_session = _session(folder, prepack=False)
        except Exception as error:  # each library raises its own kinds for a damaged file
            raise ModelMissing(
                f"the exported model in {folder} cannot be read", "Delete that folder; the next run exports it again"
            ) from error

    @cached_property
    def _text_session(self) -> Any:
        return _session(self._folder, prepack=True)

    def _query_vector(self, batch: Batch) -> NDArray[np.float32]:
        return _run(self._query_session, batch, "text")[0]

    def _text_vectors(self, batch: Batch) -> NDArray[np.float32]:
        return _run(self._text_session, batch, "text")[0]

    def _token_vectors(self, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        vectors, tokens = _run(self._text_session, batch, "text", "tokens")
        return vectors, tokens


@overload
def load(
    name: str, cache: Path, *, sha256: str | None = None, notice: Notice = ..., device: Literal["cpu"] = "cpu"
) -> OnnxEmbedder: ...


@overload
def load(name: str, cache: Path, *, sha256: str | None = None, notice: Notice = ..., device: str) -> Embedder: ...


def load(
    name: str, cache: Path, *, sha256: str | None = None, notice: Notice = lambda _: None, device: str = "cpu"
) -> Embedder:
    """The embedder of a model on a device: on processors the exported model, made first if the cache does not have it; elsewhere the model itself.

    Args:
        name: the model's name or folder.
        cache: the folder of exports.
        sha256: the hash of the weights that must be used; with it, a cached export is found without reading the weights.
        notice: told in a line when something takes long.
        device: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`: the first of CUDA, MPS and the processors that is there.

    Raises:
        ModelMissing: the model is not on this machine, or not the published one; or there is no such device.
        ModelMismatch: the weights on this machine are not those asked for.
    """
    if device != "cpu":
        from rag.embed.torch_runtime import TorchEmbedder, resolve

        device = resolve(device)
        if device != "cpu":
            notice(f"loading the model {name} on {device}")
            return _checked(TorchEmbedder(name, device), name, sha256)
    folder = export_folder(cache, sha256) if sha256 else None
    if folder is None or not (folder / CARD_FILE).is_file():
        folder = exported(name, cache, notice)
    return _checked(OnnxEmbedder(folder), name, sha256)


def _checked(embedder: Embedder, name: str, sha256: str | None) -> Embedder:
    if sha256 and embedder.info.sha256 != sha256:
        raise ModelMismatch(
            f"{name} on this machine has other weights than those the index was built with",
            "Install that version of the model, or add the articles to a new index",
        )
    return embedder


def _session(folder: Path, *, prepack: bool) -> Any:
    """An ONNX Runtime session of one thread. Packing the weights first makes batches faster and the start slower."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not prepack:
        options.add_session_config_entry("session.disable_prepacking", "1")
    return ort.InferenceSession(str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])


def _run(session: Any, batch: Batch, *outputs: str) -> list[NDArray[np.float32]]:
    found: list[NDArray[np.float32]] = session.run(
        list(outputs), {"input_ids": batch.ids, "attention_mask": batch.mask}
    )
    return found
