"""Any sentence-transformers model to ONNX: pooling and normalisation inside, batch and length free."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embed.source import ModelSource, file_sha256, locate
from rag.errors import ModelMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Notice = Callable[[str], None]

FORMAT = 1
_OPSET = 17
MODEL_FILE, WEIGHTS_FILE = "model.onnx", "weights.bin"
TOKENIZER_FILE, CARD_FILE = "tokenizer.json", "export.json"
_SAMPLE = ["A sentence to trace.", "Another one, of another length, so that padding is traced too."]


def exported(name: str, cache: Path, notice: Notice = lambda _: None) -> Path:
    """The folder of a model's export, made if it is not in the cache yet.

    Raises:
        ModelMissing: the model is not on this machine, is not the published one, or cannot be exported.
    """
    source = locate(name)
    folder = export_folder(cache, source.sha256)
    if not (folder / CARD_FILE).is_file():
        notice(f"preparing the model {source.name} (once)")
        try:
            export(source, folder)
        except Exception as error:  # each library raises its own kinds for a model it cannot use
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelMissing(
                f"the model {source.name} in {source.folder} cannot be exported to {cache}: {reason}",
                "Check that it is a complete sentence-transformers model, and the cache's permissions and free space",
            ) from error
    return folder


def export_folder(cache: Path, sha256: str) -> Path:
    """Where the export of the weights with this hash is kept."""
    return cache / "onnx" / f"{sha256}-{FORMAT}"


def export(source: ModelSource, folder: Path) -> Path:
    """Exports a model into a folder, in one step: the folder is complete or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="export-", dir=folder.parent))
    try:
        model = reference(source)
        _write_graph(model, work / "traced.onnx")
        _split_weights(work / "traced.onnx", work / MODEL_FILE)
        _tokenizer(model).save(str(work / TOKENIZER_FILE))
        (work / CARD_FILE).write_text(json.dumps(_card(model, source, work), indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster: its export is as good
            work.replace(folder)
        return folder
    finally:
        shutil.rmtree(work, ignore_errors=True)


def reference(source: ModelSource, device: str = "cpu") -> SentenceTransformer:
    """The model as sentence-transformers loads it, without the network and without its progress bars."""
    from sentence_transformers import SentenceTransformer

    with _quiet():
        model = SentenceTransformer(str(source.folder), device=device, local_files_only=True)
        return model.eval()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            if shown:
                transformers_logging.enable_progress_bar()


def _tokenizer(model: SentenceTransformer) -> Any:
    tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _write_graph(model: SentenceTransformer, path: Path) -> None:
    import torch

    class Pooled(torch.nn.Module):  # type: ignore[misc]
        """The whole model as one graph: token ids in, text vector and token vectors out."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if uses_types:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            features = self.model(features)
            return features["sentence_embedding"], features["token_embeddings"]

    sample = model.preprocess(_SAMPLE)
    uses_types = "token_type_ids" in sample
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with _quiet(), torch.no_grad():
            torch.onnx.export(
                Pooled().eval(),
                (sample["input_ids"], sample["attention_mask"]),
                str(path),
                input_names=["input_ids", "attention_mask"],
                output_names=["text", "tokens"],
                dynamic_axes={
                    "input_ids": {0: "batch", 1: "length"},
                    "attention_mask": {0: "batch", 1: "length"},
                    "text": {0: "batch"},
                    "tokens": {0: "batch", 1: "length"},
                },
                opset_version=_OPSET,
                dynamo=False,
            )
    finally:
        logger.setLevel(level)


def _split_weights(traced: Path, path: Path) -> None:
    """Puts the weights in a file of their own, which ONNX Runtime maps into memory instead of copying it."""
    import onnx

    graph = onnx.load(str(traced))
    onnx.save_model(graph, str(path), save_as_external_data=True, location=WEIGHTS_FILE)
    traced.unlink()


def _card(model: SentenceTransformer, source: ModelSource, work: Path) -> dict[str, Any]:
    from importlib.metadata import version

    pooling = next((str(m.pooling_mode) for m in model if hasattr(m, "pooling_mode")), "none")
    prompts = {name: text for name, text in model.prompts.items() if text}
    return {
        "format": FORMAT,
        "info": {
            "name": source.name,
            "sha256": source.sha256,
            "dimension": model.get_embedding_dimension(),
            "pooling": pooling,
            "max_tokens": int(model.max_seq_length or 512),
        },
        "normalized": any(type(module).__name__ == "Normalize" for module in model),
        "prompts": prompts,
        "files_sha256": {name: file_sha256(work / name) for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE)},
        "made_with": {name: version(name) for name in ("sentence-transformers", "transformers", "torch", "onnx")},
    }
