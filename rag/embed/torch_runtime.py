"""The model itself on a device that torch knows: what large ingests run where there is a GPU. Queries never do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.export import model_info, model_prompts, plain_tokenizer, reference
from rag.embed.passes import Batch, PassEmbedder, Room
from rag.embed.source import ModelSource, locate
from rag.errors import ModelMissing

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_ROOM = Room(tokens=16_384, texts=256, threads=1)
_ON_PROCESSORS = "Use --device cpu"


class TorchEmbedder(PassEmbedder):
    """An `Embedder` over a sentence-transformers model, in fp32: its vectors compare with those of the exported model.

    Args:
        model: its name or folder, or where it is.
        device: as torch names it, and there.

    Raises:
        ModelMissing: the model is not on this machine, is not the published one, or cannot be loaded on the device.
    """

    def __init__(self, model: str | ModelSource, device: str) -> None:
        source = locate(model) if isinstance(model, str) else model
        try:
            self._model = reference(source, device).float()
            self._types = "token_type_ids" in self._model.preprocess(["a"])
            super().__init__(
                model_info(self._model, source), model_prompts(self._model), plain_tokenizer(self._model), _ROOM
            )
        except Exception as error:  # each library raises its own kinds for a model it cannot use
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelMissing(
                f"the model {source.name} in {source.folder} cannot be loaded on {device}: {reason}",
                f"Check that it is a complete sentence-transformers model. {_ON_PROCESSORS} where the device is too small",
            ) from error
        self._device = device

    def _text_vectors(self, batch: Batch) -> NDArray[np.float32]:
        return _array(self._features(batch)["sentence_embedding"])

    def _token_vectors(self, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = self._features(batch)
        return _array(features["sentence_embedding"]), _array(features["token_embeddings"])

    def _features(self, batch: Batch) -> Any:
        import torch

        with torch.inference_mode():
            features = {
                "input_ids": torch.from_numpy(batch.ids).to(self._device),
                "attention_mask": torch.from_numpy(batch.mask).to(self._device),
            }
            if self._types:
                features["token_type_ids"] = torch.zeros_like(features["input_ids"])
            return self._model(features)


def resolve(device: str) -> str:
    """The device that a setting stands for: `cuda`, `cuda:N`, `mps` or `cpu`.

    Raises:
        ModelMissing: the name is no device's, or the device is not there.
    """
    if not _DEVICE.fullmatch(device):
        raise ModelMissing(
            f"{device!r} is no device to embed passages on", "Use --device cpu, cuda, cuda:0 (1, 2 …), mps or auto"
        )
    if device == "cpu":
        return device
    import torch

    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if device == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    if device == "mps":
        if not mps:
            raise ModelMissing("this machine has no MPS device for PyTorch", _ON_PROCESSORS)
        return device
    if not cuda:
        raise ModelMissing(
            "this machine has no CUDA device for PyTorch",
            f"{_ON_PROCESSORS}; with an NVIDIA GPU, install its driver and a PyTorch built for CUDA",
        )
    number = int(device.partition(":")[2] or 0)
    if number >= cuda:
        known = "cuda:0" if cuda == 1 else f"cuda:0 to cuda:{cuda - 1}"
        raise ModelMissing(f"this machine has no device {device}", f"Use --device {known}, or cpu")
    return device


def _array(tensor: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
