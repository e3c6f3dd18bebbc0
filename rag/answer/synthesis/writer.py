"""What writes answers: a language model with its prompt, what checks it, and where its replies are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rag import llm as models
from rag import prompts
from rag.answer.verify import FactVerifier, Verifier
from rag.answer.verify.entailment import load_entailment
from rag.config import Settings
from rag.embed import Embedder
from rag.llm import LLM, Limits, Message, Piece
from rag.llm.base import identity_of
from rag.llm.cache import ReplyCache, key_of
from rag.store import Store

if TYPE_CHECKING:
    from rag.prompts import Prompt

CACHE_FILE = "replies.sqlite"
PROMPT = "answer"
MOST_CLAIMS = 6
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Writer:
    """A language model that writes answers.

    `passages` is how many it is given, `most_claims` how many claims it may make; with `show_unsupported` its other claims stand in the answer too, struck
    through; `using` is held while the index is read.
    """

    llm: LLM
    prompt: Prompt
    verifier: Verifier
    limits: Limits = field(default_factory=Limits)
    cache: ReplyCache | None = None
    passages: int = 8
    most_claims: int = MOST_CLAIMS
    show_unsupported: bool = False
    using: threading.RLock = field(default_factory=threading.RLock)

    def reply(self, question: str, index_digest: str, messages: Sequence[Message]) -> Iterator[tuple[Piece, bool]]:
        """The reply to a prompt, piece by piece, and whether it was kept from before.

        A reply is kept once it has come to its end; a refusal and an empty one are not.

        Raises:
            LLMMissing: the model turns out not to be there.
            LLMFailed: no reply came, or it broke off.
        """
        key = key_of(question, index_digest, identity_of(self.llm), self.prompt.digest, messages, self.limits)
        kept = self.cache.get(key) if self.cache else None
        if kept:
            yield Piece(kept.text, kept.stop, kept.usage), True
            return
        texts: list[str] = []
        for piece in self.llm.stream(messages):
            texts.append(piece.text)
            yield piece, False
            text = "".join(texts)
            if self.cache and piece.stop in ("end", "length") and piece.usage and text.strip():
                self.cache.put(key, text, piece.stop, piece.usage)

    def close(self) -> None:
        """Lets go of the model and of the kept replies."""
        self.llm.close()
        if self.cache:
            self.cache.close()


def load_writer(
    settings: Settings,
    llm: LLM | str,
    store: Store,
    embedder: Embedder,
    notice: Callable[[str], None] = lambda _: None,
    using: threading.RLock | None = None,
) -> Writer:
    """What the settings say writes answers.

    Args:
        settings: prompt folder, limits, cache.
        llm: the model, or its name. The replies of one that is given as an object are not kept.
        store: where the articles are.
        embedder: the index's model.
        notice: told in a line when something takes long, or when replies cannot be kept.
        using: held while the index is read.

    Raises:
        LLMMissing: the model, its library, its key or its folder is not there.
        BadPrompt: the prompt cannot be used.
        ModelMissing: the entailment model is not on this machine.
        BadInput: it does not tell which of its labels is entailment.
    """
    limits = Limits(
        max_tokens=settings.llm_max_tokens,
        temperature=settings.llm_temperature,
        timeout=settings.llm_timeout,
        retries=settings.llm_retries,
    )
    prompt = prompts.load(PROMPT, settings.prompts)
    loaded = models.load(llm, limits) if isinstance(llm, str) else llm
    kept = (
        settings.llm_cache_mb * _MEGABYTE if isinstance(llm, str) else 0.0
    )  # a name tells what replies depend on, an object does not
    return Writer(
        llm=loaded,
        prompt=prompt,
        verifier=FactVerifier(
            store, embedder, load_entailment(settings.entail, settings.cache, notice) if settings.entail else None
        ),
        limits=limits,
        cache=ReplyCache(Path(settings.cache) / CACHE_FILE, int(kept), notice) if kept else None,
        passages=settings.llm_passages,
        show_unsupported=settings.show_unsupported,
        using=using or threading.RLock(),
    )
