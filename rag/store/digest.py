"""The digest of an index: of its contents alone, kept up at the cost of what changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.types import Article, Passage

_LANES = 1024
_BYTES = 2 * _LANES


class Contents:
    """A set of (article id, article digest) pairs as a hash to which members can be added and from which they can be taken.

    LtHash: each member is expanded to 1,024 numbers of 16 bits, and the set is their sum, lane by lane (Bellare and Micciancio, "A New Paradigm for
    Collision-Free Hashing", 1997; Lewi et al., "Securing Update Propagation with Homomorphic Hashing", 2019). The order does not count.

    Args:
        state: what `state` gave; None: the empty set.
    """

    def __init__(self, state: bytes | None = None) -> None:
        self._lanes: NDArray[np.uint16] = np.frombuffer(state or bytes(_BYTES), "<u2").astype(np.uint16)

    def add(self, article_id: str, digest: str) -> None:
        """Puts a member in."""
        self._lanes += _expanded(article_id, digest)

    def remove(self, article_id: str, digest: str) -> None:
        """Takes a member out."""
        self._lanes -= _expanded(article_id, digest)

    @property
    def state(self) -> bytes:
        """The sum, 2,048 bytes."""
        return self._lanes.astype("<u2").tobytes()

    @property
    def digest(self) -> str:
        """The SHA-256 of the sum, in hex."""
        return hashlib.sha256(self.state).hexdigest()


def _expanded(article_id: str, digest: str) -> NDArray[np.uint16]:
    member = f"{len(article_id)} {article_id} {digest}".encode("utf-8", "surrogatepass")
    return np.frombuffer(hashlib.shake_128(member).digest(_BYTES), "<u2").astype(np.uint16)


EMPTY = Contents().digest


def article_digest(article: Article, passages: Iterable[Passage]) -> str:
    """SHA-256 over an article's text, metadata and passage boundaries; where its file stands does not count."""
    places = ((one.start, one.end, [(s.start, s.end, s.quotable) for s in one.sentences]) for one in passages)
    return digest_of(article, places)


def digest_of(article: Article, passages: Iterable[tuple[int, int, Sequence[Sequence[int]]]]) -> str:
    """The same, of passages as the catalog has them: start, end, and start, end and whether it may be quoted of each sentence."""
    parts = [article.model_dump_json(exclude={"path"})]
    for start, end, sentences in passages:
        parts.append(f"\n{start} {end}")
        parts += [f" {first}-{last}{'' if quotable else 'h'}" for first, last, quotable in sentences]
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
