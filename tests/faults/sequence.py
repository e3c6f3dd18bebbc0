"""A sequence of writes into which faults are put, the states that an index goes through, and what it tells in each."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamaged
from rag.store import Chunker, EmbeddedStore, IndexedArticle, Located, dense, verify
from rag.types import Filter
from tests.faults.process import Say, forked
from tests.stand_in import StandIn, article, indexed

EXACT_VECTORS = 40
"""In place of the real bound, so that lists are trained, and extended, within the sequence."""
STAND_IN = StandIn()
CHUNKER = Chunker(name="test", max_tokens=20)
FINGERPRINTS = tuple(f"print {number}" for number in range(4))
QUESTIONS = ("What did the committee say about fish?", "Where does the walrus sing?")
STEMS = ("walrus", "committe", "harbour")
FILTERS = (Filter(source="Reuters"), Filter(without=frozenset({"a00", "a13"})))
_WORDS = [
    "walrus",
    "penguin",
    "harbour",
    "committee",
    "report",
    "fish",
    "winter",
    "song",
    "minister",
    "vote",
    "bridge",
    "river",
    "ship",
    "doctor",
]
_EVERYTHING = 10_000
_NEAR = 1e-5

Told = Mapping[str, Any]


class Course(NamedTuple):
    """Writes that follow each other.

    `states` gives what the index tells before the first and after each, when nothing is put in its way. `run` makes them, in a folder and from the state
    after a number of them on, and says the number of each as soon as it has returned. `alike` is what an index tells at the end however it came there;
    empty: everything.
    """

    states: Callable[[], list[Told]]
    run: Callable[[Path, Say, int], None]
    alike: tuple[str, ...] = ()


class Step(NamedTuple):
    """The arguments of one write."""

    upserts: Sequence[IndexedArticle] = ()
    removals: Sequence[str] = ()
    located: Sequence[Located] = ()
    vacated: Sequence[str] = ()


def piece(name: str, version: int = 0, location: str | None = None, fingerprint: str | None = None) -> IndexedArticle:
    """An article of a few passages, which are others in each version."""
    draw = random.Random(f"{name} {version}")  # noqa: S311 - no secret
    sentences = [
        f"The {draw.choice(_WORDS)} of {name} met a {draw.choice(_WORDS)}, a {draw.choice(_WORDS)} and {draw.choice(_WORDS)} number {draw.randrange(99)}."
        for _ in range(draw.randrange(3, 9))
    ]
    text = f"Zoë saw version {version} of it. " + " ".join(sentences)
    source, published = draw.choice(["Reuters", "Axios", None]), draw.choice(["2024-05-14", "1999", None])
    whole = article(name, text, title=f"On {name}", source=source, published=published)
    return indexed(whole, STAND_IN, location=location)._replace(fingerprint=fingerprint)


@cache
def steps() -> tuple[Step, ...]:
    """The writes: articles that come, change, move, are copied, displaced and removed."""
    return (
        Step([piece(f"a{number:02}") for number in range(5)]),
        Step([piece(f"a{number:02}") for number in range(5, 9)]),
        Step([piece("a01", 1), piece("a02", 1, fingerprint=FINGERPRINTS[0])], ["a03"]),
        Step(located=[Located("copies/a04", "a04", FINGERPRINTS[1])]),
        Step([piece("b05", location="a05")], vacated=["a04", "a06"]),
        Step([piece(f"a{number:02}") for number in range(10, 14)]),
        Step([piece("c00")]),
        Step([piece("c01"), piece("c00", 1)]),
        Step(removals=["a10", "a11", "a00", "b05", "a02"]),
        Step([piece(f"d{number:02}") for number in range(7)], ["c01"], [Located("c00", "a13", FINGERPRINTS[2])]),
        Step([piece("a13", 1), piece("a04", 1)], vacated=["d00", "copies/a04"]),
        Step([piece("a04", 2, location="copies/a04", fingerprint=FINGERPRINTS[3]), piece("e00")], ["d01"]),
    )


def made(folder: Path) -> EmbeddedStore:
    """The store of a folder, made if it is not there."""
    return EmbeddedStore.create(folder, STAND_IN.info, CHUNKER)


@cache
def _questions() -> tuple[Any, ...]:
    return tuple(STAND_IN.encode_query(question) for question in QUESTIONS)


def _sum(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:16]


def sums(vectors: Mapping[int, NDArray[np.float32]]) -> dict[str, str]:
    """Hashes of vectors by key."""
    return {str(key): _sum(one.tobytes()) for key, one in vectors.items()}


def tell(store: EmbeddedStore) -> Told:
    """Everything that an index tells, as of one moment, in a form that depends neither on how it came about nor on where it is."""
    here = str(Path(store.path).parent)
    with store.reading():
        manifest = store.manifest
        told: dict[str, Any] = {
            "counts": [manifest.articles, manifest.passages, manifest.undated, manifest.generation],
            "digest": manifest.digest,
            "articles": {
                one.id: _sum(one.model_dump_json().replace(here, "")) for one in map(store.article, store.digests())
            },
            "digests": dict(store.digests()),
            "locations": {place.replace(here, ""): name for place, name in store.locations().items()},
            "fingerprints": [store.known(fingerprint) for fingerprint in FINGERPRINTS],
        }
        keys = [key for name in told["digests"] for key in store.keys(name)]
        told["passages"] = {str(key): one.model_dump_json() for key, one in store.passages(keys).items()}
        told["sentences"] = sums(store.sentence_vectors(keys))
        for name, where in (("all", Filter()), ("source", FILTERS[0]), ("without", FILTERS[1])):
            for number, vector in enumerate(_questions()):
                nearest = store.nearest(vector, _EVERYTHING, where)
                told[f"dense {name} {number}"] = {str(key): score for key, score in nearest}
                told[f"dense {name} {number}: number"] = len(nearest)
            for stem in STEMS:
                told[f"words {name} {stem}"] = sorted(str(key) for key, _ in store.matching([stem], _EVERYTHING, where))
    return told


def differences(told: Told, expected: Told) -> list[str]:
    """In what two indexes differ, sums of floating-point numbers aside."""
    return [name for name in expected if not _alike(name, told[name], expected[name])]


def _alike(name: str, one: Any, other: Any) -> bool:
    if name.startswith("dense") and isinstance(one, dict):
        if one.keys() != other.keys():
            return False
        return bool(np.allclose([one[key] for key in other], list(other.values()), rtol=0, atol=_NEAR))
    return bool(one == other)


def wrong(folder: Path) -> list[str]:
    """What verification finds in an index; empty where nothing is wrong."""
    try:
        return [f"{fault.part}: {fault.what}" for fault in verify.verify(folder).faults]
    except IndexDamaged as error:
        return [error.message]


def _states() -> list[Told]:
    """What the index tells before the sequence and after each step, when nothing is put in its way."""

    def work(say: Say) -> None:
        with tempfile.TemporaryDirectory() as folder, closing(made(Path(folder) / "index")) as store:
            say(tell(store))
            for step in steps():
                store.write(*step)
                store.sync()
                say(tell(store))

    return list(forked(work).sound().said)


def _run(folder: Path, say: Say, after: int) -> None:
    """The sequence from the state after a step on; says the number of each step as soon as its write has returned."""
    with closing(made(folder)) as store:
        say(after)
        for number, step in enumerate(steps()[after:], after + 1):
            store.write(*step)
            say(number)
            store.sync()


def warm() -> None:
    """Imports whatever a store needs, and makes every step; starts no thread."""
    import faiss  # noqa: F401
    import filelock  # noqa: F401
    import tantivy  # noqa: F401

    dense.EXACT_VECTORS = EXACT_VECTORS
    steps()
    _questions()


STEPS = Course(_states, _run)
