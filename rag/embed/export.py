"""Any sentence-transformers model to ONNX: pooling and normalisation inside, batch and length free."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo
from rag.embed.source import ModelSource, file_sha256, locate
from rag.errors import ModelMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Notice = Callable[[str], None]

FORMAT = 2
_OPSET = 17
MODEL_FILE, WEIGHTS_FILE = "model.onnx", "weights.bin"
TOKENIZER_FILE, CARD_FILE = "tokenizer.json", "export.json"
_SAMPLE = ["A sentence to trace.", "Another one, of another length, so that padding is traced too."]
_TOLERANCE = 1e-4


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
    with in_one_step(folder) as work:
        # the plain attention is what ONNX Runtime's fusions know
        model = reference(source, attention="eager")
        _write_graph(model, work / "traced.onnx")
        _fuse(model, work / "traced.onnx")
        split_weights(work / "traced.onnx", work / MODEL_FILE)
        plain_tokenizer(model).save(str(work / TOKENIZER_FILE))
        (work / CARD_FILE).write_text(json.dumps(_card(model, source, work), indent=2) + "\n", encoding="utf-8")
    return folder


@contextlib.contextmanager
def in_one_step(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` at the end: that is complete or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="export-", dir=folder.parent))
    try:
        yield work
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster: its export is as good
            work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def reference(source: ModelSource, device: str = "cpu", attention: str | None = None) -> SentenceTransformer:
    """The model as sentence-transformers loads it, without the network and without its progress bars.

    Args:
        source: where it is.
        device: as torch names it.
        attention: which of the implementations of transformers; None: the one that it chooses.
    """
    from sentence_transformers import SentenceTransformer

    how = {"attn_implementation": attention} if attention else None
    with quiet():
        model = SentenceTransformer(str(source.folder), device=device, local_files_only=True, model_kwargs=how)
        return model.eval()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no warnings of the libraries that load and trace models."""
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


def plain_tokenizer(model: Any) -> Any:
    """The `tokenizers` tokenizer of a sentence-transformers model, which neither pads nor truncates."""
    tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def model_info(model: SentenceTransformer, source: ModelSource) -> ModelInfo:
    """The identity of a loaded model."""
    return ModelInfo(
        name=source.name,
        sha256=source.sha256,
        dimension=model.get_embedding_dimension(),
        pooling=next((str(m.pooling_mode) for m in model if hasattr(m, "pooling_mode")), "none"),
        max_tokens=int(model.max_seq_length or 512),
    )


def model_prompts(model: SentenceTransformer) -> dict[str, str]:
    """What a loaded model wants before texts, by the kind of text."""
    return {name: text for name, text in model.prompts.items() if text}


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
    inputs = {name: sample[name] for name in ("input_ids", "attention_mask")}
    trace(Pooled().eval(), inputs, {"text": ("batch",), "tokens": ("batch", "length")}, path)


def trace(module: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Sequence[str]], path: Path) -> None:
    """Writes a torch module as an ONNX graph.

    Args:
        module: takes the inputs in their order, gives the outputs in theirs.
        inputs: a sample of each, shape (batch, length); both sizes stay free.
        outputs: the names of each one's leading axes that stay free.
        path: the file.
    """
    import torch

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    axes = dict.fromkeys(inputs, ("batch", "length")) | dict(outputs)
    try:
        with quiet(), torch.no_grad():
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                str(path),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes={name: dict(enumerate(names)) for name, names in axes.items()},
                opset_version=_OPSET,
                dynamo=False,
            )
    finally:
        logger.setLevel(level)


def _fuse(model: SentenceTransformer, path: Path) -> None:
    """Joins a layer's many small operations into few, where that is known to give the same vectors."""
    from onnxruntime.transformers import optimizer  # type: ignore[import-untyped]

    fused = path.with_name("fused.onnx")
    with _unlogged(), quiet(), contextlib.suppress(Exception):  # of a model that the fusions do not know
        config = model[0].auto_model.config
        optimizer.optimize_model(
            str(path),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
        ).save_model_to_file(str(fused))
        before, after = _outputs(model, path), _outputs(model, fused)
        if all(np.allclose(*pair, atol=_TOLERANCE) for pair in zip(before, after, strict=True)):
            fused.replace(path)
    fused.unlink(missing_ok=True)


def _outputs(model: SentenceTransformer, graph: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a graph gives for texts of several lengths: their vectors, and the outputs of all their tokens."""
    import onnxruntime as ort

    sample = model.preprocess(_SAMPLE)
    feed = {name: sample[name].numpy() for name in ("input_ids", "attention_mask")}
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    text, tokens = session.run(["text", "tokens"], feed)
    return text, tokens[feed["attention_mask"] == 1]


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Without the notes of the optimiser, which logs to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def split_weights(traced: Path, path: Path) -> None:
    """Puts the weights in a file of their own, which ONNX Runtime maps into memory instead of copying it."""
    import onnx

    graph = onnx.load(str(traced))
    onnx.save_model(graph, str(path), save_as_external_data=True, location=WEIGHTS_FILE)
    traced.unlink()


def _card(model: SentenceTransformer, source: ModelSource, work: Path) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "format": FORMAT,
        "info": model_info(model, source).model_dump(),
        "normalized": any(type(module).__name__ == "Normalize" for module in model),
        "prompts": model_prompts(model),
        "files_sha256": {name: file_sha256(work / name) for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE)},
        "made_with": {name: version(name) for name in ("sentence-transformers", "transformers", "torch", "onnx")},
    }
