"""The exported reranker on ONNX Runtime and `tokenizers`: what queries run.

Every pair is a forward pass of its own, on one thread, and the pairs share the cores. A score then depends on nothing
but its pair (activations of quantised models are scaled by the largest of their batch), nothing is padded, and it is
faster than spreading the multiplications of a batch over the cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.embed.export import MODEL_FILE, TOKENIZER_FILE, Notice
from rag.errors import BadInput, ModelMissing
from rag.rerank.base import RerankerInfo, Scores
from rag.rerank.folder import is_reranker, read_card

if TYPE_CHECKING:
    from tokenizers import Encoding

_LEAST = 4
"""One part in this many of what the model reads is left to a text by a question too long for it, and to a premise by a claim."""


class OnnxReranker:
    """A `Reranker` over a folder that is ready to run (`rag.rerank.folder`).

    Args:
        folder: graph, tokenizer and card.
        threads: how many pairs to score at a time; None: one a core.
        remedy: what to do when the folder cannot be read.

    Raises:
        ModelMissing: the folder cannot be read.
    """

    def __init__(
        self, folder: Path, *, threads: int | None = None, remedy: str = "Install or export the reranker again"
    ) -> None:
        from tokenizers import Tokenizer

        try:
            card = read_card(folder)
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
            self._session = _session(folder)
        except Exception as error:  # each library raises its own kinds for a damaged file
            raise ModelMissing(f"the reranker in {folder} cannot be read", remedy) from error
        self._info, self._prompt, self._label = card.info, card.prompt, card.label
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._threads = threads or os.cpu_count() or 1

    @property
    def info(self) -> RerankerInfo:
        """The model's identity."""
        return self._info

    @property
    def label(self) -> str:
        """The label whose probability is the score; "": a score that ranks."""
        return self._label

    def fits(self, text: str) -> bool:
        """Whether a text leaves at least a part of what the model reads to a question, or a premise."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids) <= self._room - self._room // _LEAST

    def score(self, question: str, texts: Sequence[str]) -> Scores:
        """How well each text answers the question, shape (texts,), in the order of the texts; higher is better.

        Of a model with a label: the probability, in 0..1, that the question, a premise, has it with each text, a claim.
        """
        from concurrent.futures import ThreadPoolExecutor

        pairs = list(self._pairs(question, texts))
        order = sorted(range(len(pairs)), key=lambda row: -len(pairs[row].ids))  # no thread ends on a long one
        scores = np.empty(len(pairs), np.float32)
        if not order:
            return scores
        with ThreadPoolExecutor(min(self._threads, len(order))) as pool:
            scores[order] = list(pool.map(self._score, [pairs[row] for row in order]))
        return scores

    def _score(self, pair: Encoding) -> float:
        given = {"input_ids": pair.ids, "attention_mask": pair.attention_mask, "token_type_ids": pair.type_ids}
        feed: dict[str, NDArray[np.int64]] = {
            name: np.array([values], np.int64) for name, values in given.items() if name in self._inputs
        }
        return float(self._session.run(["score"], feed)[0][0])

    def _pairs(self, question: str, texts: Sequence[str]) -> Iterator[Encoding]:
        """Question and text as the model reads them, cut to what it reads."""
        room, yields = self._room, 1 if self._label else _LEAST  # a claim is judged whole
        question = self._prompt + question
        head = self._tokenizer.encode(question, add_special_tokens=False)
        for text in self._tokenizer.encode_batch(list(texts), add_special_tokens=False):
            kept = min(len(head.ids), room - min(len(text.ids), room // yields))
            text.truncate(room - kept)
            yield self._tokenizer.post_process(head if kept == len(head.ids) else self._cut(question, kept), text)

    @property
    def _room(self) -> int:
        return int(self._info.max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=True))

    def _cut(self, text: str, tokens: int) -> Encoding:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(tokens)
        return encoding


def load(name: str | Path, cache: Path, *, notice: Notice = lambda _: None, entailment: bool = False) -> OnnxReranker:
    """A cross-encoder by name or folder, exported first if the cache does not have it.

    Args:
        name: the name or folder of a sentence-transformers cross-encoder, or a folder that is ready to run.
        cache: the folder of exports.
        notice: told in a line when something takes long.
        entailment: whether it is to give the probability of entailment instead of a score that ranks.

    Raises:
        ModelMissing: the model is not on this machine, or cannot be read.
        BadInput: it is no cross-encoder, or one that gives several labels and no score; for entailment, one without a
            label of entailment.
    """
    if is_reranker(Path(name)):
        return _of_kind(OnnxReranker(Path(name)), name, entailment=entailment)
    from rag.rerank.export import exported

    return OnnxReranker(
        exported(str(name), cache, notice, entailment=entailment),
        remedy="Delete that folder; the next run exports the model again",
    )


def _of_kind(model: OnnxReranker, name: str | Path, *, entailment: bool) -> OnnxReranker:
    if entailment and not model.label:
        raise BadInput(f"{name} is a reranker: it has no label of entailment", "Name an entailment model")
    if model.label and not entailment:
        raise BadInput(f"{name} gives the probability of {model.label} instead of one score", "Name a reranker")
    return model


def _session(folder: Path) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])
