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
from rag.errors import ModelMissing
from rag.rerank.base import RerankerInfo, Scores
from rag.rerank.folder import is_reranker, read_card

if TYPE_CHECKING:
    from tokenizers import Encoding

_QUESTION_YIELDS = 4
"""A question too long for the model leaves the text one part in this many of what the model reads."""


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
        self._info, self._prompt = card.info, card.prompt
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._threads = threads or os.cpu_count() or 1

    @property
    def info(self) -> RerankerInfo:
        """The model's identity."""
        return self._info

    def score(self, question: str, texts: Sequence[str]) -> Scores:
        """How well each text answers the question, shape (texts,), in the order of the texts; higher is better."""
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
        room = self._info.max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=True)
        question = self._prompt + question
        head = self._tokenizer.encode(question, add_special_tokens=False)
        for text in self._tokenizer.encode_batch(list(texts), add_special_tokens=False):
            kept = min(len(head.ids), room - min(len(text.ids), room // _QUESTION_YIELDS))
            text.truncate(room - kept)
            yield self._tokenizer.post_process(head if kept == len(head.ids) else self._cut(question, kept), text)

    def _cut(self, text: str, tokens: int) -> Encoding:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(tokens)
        return encoding


def load(name: str | Path, cache: Path, *, notice: Notice = lambda _: None) -> OnnxReranker:
    """A cross-encoder by name or folder, exported first if the cache does not have it.

    Args:
        name: the name or folder of a sentence-transformers cross-encoder, or a folder that is ready to run.
        cache: the folder of exports.
        notice: told in a line when something takes long.

    Raises:
        ModelMissing: the model is not on this machine, or cannot be read.
        BadInput: it is no cross-encoder, or one that gives several labels and no score.
    """
    if is_reranker(Path(name)):
        return OnnxReranker(Path(name))
    from rag.rerank.export import exported

    return OnnxReranker(
        exported(str(name), cache, notice), remedy="Delete that folder; the next run exports the model again"
    )


def _session(folder: Path) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])
