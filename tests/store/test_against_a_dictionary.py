"""Whatever is written, removed, moved, lost and opened again, the embedded store holds what a dictionary would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rag import words
from rag.store import Chunker, EmbeddedStore, IndexedPassage, Located, dense
from rag.store.manifest import VectorType
from rag.types import Article
from tests.conformance.store import ALL
from tests.stand_in import StandIn, indexed

STAND_IN = StandIn(dimension=4)
CHUNKER = Chunker(name="test", max_tokens=8)
EXACT_VECTORS = 8
"""So few vectors are compared one by one that lists are made, extended and made anew."""
IDS = st.sampled_from("abcde")
PLACES = st.sampled_from(["a", "b", "c", "d", "e", "copies/1", "copies/2"])
PRINTS = st.sampled_from([None, "p", "q"])
TEXTS = st.lists(
    st.sampled_from(["The walrus sang.", "A penguin danced in Oslo.", "Nobody knew why.", "“Odd,” said Zoë. 中国"]),
    min_size=1,
    max_size=4,
).map(" ".join)
UPSERTS = st.dictionaries(IDS, st.tuples(TEXTS, PLACES, PRINTS), max_size=3)
LOCATED = st.lists(st.builds(Located, PLACES, IDS, PRINTS), max_size=2)


class Model(NamedTuple):
    """The texts by id, and what stands where: the id, and the fingerprint of what was read there."""

    texts: dict[str, str]
    places: dict[str, tuple[str, str | None]]

    def written(
        self,
        upserts: dict[str, tuple[str, str, str | None]],
        removals: set[str],
        located: list[Located],
        vacated: list[str],
    ) -> tuple[Model, list[str]]:
        """What a write makes of it, and who went because nothing stands where it stood."""
        texts = {name: text for name, text in self.texts.items() if name not in removals}
        places = {place: stands for place, stands in self.places.items() if stands[0] not in removals}
        displaced = set()

        def put(place: str, stands: tuple[str, str | None] | None) -> None:
            if place in places:
                displaced.add(places.pop(place)[0])
            if stands is not None:
                places[place] = stands

        for name, (text, place, fingerprint) in upserts.items():
            for other in [other for other, stands in places.items() if stands[0] == name]:
                places[other] = (name, None)
            texts[name] = text
            put(place, (name, fingerprint))
        for place, name, fingerprint in located:
            if name in texts:
                put(place, (name, fingerprint))
        for place in vacated:
            put(place, None)
        standing = {stands[0] for stands in places.values()}
        gone = sorted(name for name in displaced & texts.keys() if name not in standing)
        return Model({name: text for name, text in texts.items() if name not in gone}, places), gone


class StoreAgainstDictionary(RuleBasedStateMachine):
    """Two open stores of one index on one side, the model on the other."""

    @initialize(vectors=st.sampled_from(["float32", "float16"]))
    def begin(self, vectors: VectorType) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rag-test-"))
        self.vectors = vectors
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(dense, "EXACT_VECTORS", EXACT_VECTORS)
        self.store, self.reader = self._open(), self._open()
        self.model = Model({}, {})

    def _open(self) -> EmbeddedStore:
        return EmbeddedStore.create(self.folder, STAND_IN.info, CHUNKER, vectors=self.vectors)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.reader.close()
            self.patch.undo()
            shutil.rmtree(self.folder)

    @rule(upserts=UPSERTS, removals=st.sets(IDS, max_size=2), located=LOCATED, vacated=st.lists(PLACES, max_size=1))
    def write(
        self,
        upserts: dict[str, tuple[str, str, str | None]],
        removals: set[str],
        located: list[Located],
        vacated: list[str],
    ) -> None:
        items = [
            indexed(Article(id=name, text=text), STAND_IN, location=place, max_tokens=8)._replace(
                fingerprint=fingerprint
            )
            for name, (text, place, fingerprint) in upserts.items()
        ]
        self.model, gone = self.model.written(upserts, removals, located, vacated)
        assert sorted(self.store.write(items, sorted(removals), located, vacated)) == gone

    @rule()
    def sync(self) -> None:
        self.store.sync()

    @rule()
    def take_turns(self) -> None:
        """The other store writes from now on."""
        self.store, self.reader = self.reader, self.store

    @rule()
    def close_and_open(self) -> None:
        """As after a kill: what was not synced is caught up."""
        self.store.close()
        self.store = self._open()

    @rule(lost=st.sets(st.sampled_from(["terms", "dense", "manifest.json", "dense/state.json"]), min_size=1))
    def lose_what_is_derived(self, lost: set[str]) -> None:
        self.store.close()
        self.reader.close()
        for name in sorted(lost, reverse=True):
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.store, self.reader = self._open(), self._open()

    @rule(upserts=UPSERTS, removals=st.sets(IDS, max_size=2))
    def write_while_the_other_reads(self, upserts: dict[str, tuple[str, str, str | None]], removals: set[str]) -> None:
        before = self.model
        with self.reader.reading():
            holds(self.reader, before)
            self.write(upserts, removals, [], [])
            self.store.sync()
            holds(self.reader, before)
        holds(self.reader, self.model)

    @invariant()
    @precondition(lambda self: hasattr(self, "store"))
    def both_hold_what_the_dictionary_does(self) -> None:
        holds(self.store, self.model)
        holds(self.reader, self.model)
        assert self.reader.manifest.digest == self.store.manifest.digest


def holds(store: EmbeddedStore, model: Model) -> None:
    """Everything that a store tells is what the model holds."""
    with store.reading():
        assert {article.id: article.text for article in map(store.article, store.digests())} == model.texts
        assert store.manifest.articles == len(model.texts)
        _places(store, model)
        expected = {
            item.passage.passage_id: item
            for name, text in model.texts.items()
            for item in indexed(Article(id=name, text=text), STAND_IN, max_tokens=8).passages
        }
        assert store.manifest.passages == len(expected)
        _vectors(store, expected)
        _words(store, model, expected)


def _places(store: EmbeddedStore, model: Model) -> None:
    assert store.locations() == {place: name for place, (name, _) in model.places.items()}
    for name in "abcde":
        assert store.places(name) == sorted(place for place, stands in model.places.items() if stands[0] == name)
    copies = {place: name for place, (name, _) in model.places.items() if place.startswith("copies/")}
    assert store.under("copies") == copies
    assert store.at("copies/1") == copies.get("copies/1")
    for fingerprint in ("p", "q"):
        there = sorted(place for place, stands in model.places.items() if stands[1] == fingerprint)
        assert store.known(fingerprint) == (model.places[there[0]][0] if there else None)


def _vectors(store: EmbeddedStore, expected: dict[str, IndexedPassage]) -> None:
    question = STAND_IN.encode_query("walrus")
    found = store.nearest(question, 1000, ALL)
    passages = store.passages([key for key, _ in found])
    assert {one.passage_id: one for one in passages.values()} == {name: one.passage for name, one in expected.items()}
    assert len(found) == len(expected)
    near = 1e-5 if store.manifest.vectors == "float32" else 5e-3
    for key, score in found:
        assert np.isclose(score, question @ expected[passages[key].passage_id].vector, atol=near)


def _words(store: EmbeddedStore, model: Model, expected: dict[str, IndexedPassage]) -> None:
    said = {
        name: model.texts[item.passage.article_id][item.passage.start : item.passage.end]
        for name, item in expected.items()
    }
    for word in ("walrus", "penguin", "zoë"):
        keys = [key for key, _ in store.matching([words.stem(word)], 1000, ALL)]
        passages = store.passages(keys)
        assert sorted(one.passage_id for one in passages.values()) == sorted(
            name for name, text in said.items() if words.stem(word) in words.stems(text)
        )
        assert len(set(keys)) == len(keys) == len(passages)


TestStoreAgainstDictionary = StoreAgainstDictionary.TestCase
TestStoreAgainstDictionary.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
