"""Whatever is written, removed, killed and opened again, the embedded store holds what a dictionary would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rag import words
from rag.store import Chunker, EmbeddedStore
from rag.types import Article
from tests.conformance.store import ALL
from tests.stand_in import StandIn, indexed

STAND_IN = StandIn(dimension=4)
IDS = st.sampled_from("abcde")
TEXTS = st.lists(
    st.sampled_from(["The walrus sang.", "A penguin danced in Oslo.", "Nobody knew why.", "“Odd,” said Zoë. 中国"]),
    min_size=1,
    max_size=4,
).map(" ".join)
UPSERTS = st.dictionaries(IDS, TEXTS, max_size=3)


class StoreAgainstDictionary(RuleBasedStateMachine):
    """The store on one side, the texts by id on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rag-test-"))
        self.store = self._open()
        self.texts: dict[str, str] = {}
        self.synced = True

    def _open(self) -> EmbeddedStore:
        return EmbeddedStore.create(self.folder, STAND_IN.info, Chunker(name="test", max_tokens=8))

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(upserts=UPSERTS, removals=st.sets(IDS, max_size=2))
    def write(self, upserts: dict[str, str], removals: set[str]) -> None:
        articles = [Article(id=name, text=text) for name, text in upserts.items()]
        self.store.write([indexed(article, STAND_IN, max_tokens=8) for article in articles], sorted(removals))
        self.texts = {name: text for name, text in self.texts.items() if name not in removals} | upserts
        self.synced = False

    @rule()
    def sync(self) -> None:
        self.store.sync()
        self.synced = True

    @rule()
    def close_and_open(self) -> None:
        """As after a kill: what was not synced is caught up."""
        self.store.close()
        self.store = self._open()
        self.synced = True

    @rule()
    def lose_what_is_derived(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder / "terms")
        for path in self.folder.glob("dense.*"):
            path.unlink()
        self.store = self._open()
        self.synced = True

    @invariant()
    def articles_are_those_of_the_dictionary(self) -> None:
        assert {article.id: article.text for article in self.store.articles(ALL)} == self.texts
        assert self.store.manifest.articles == len(self.texts)
        assert set(self.store.digests()) == set(self.store.locations().values()) == set(self.texts)

    @precondition(lambda self: self.synced)
    @invariant()
    def searches_find_what_the_dictionary_holds(self) -> None:
        written = [indexed(Article(id=name, text=text), STAND_IN, max_tokens=8) for name, text in self.texts.items()]
        expected = {item.passage.passage_id: item for article in written for item in article.passages}
        question = STAND_IN.encode_query("walrus")
        found = self.store.nearest(question, 1000, ALL)
        passages = self.store.passages([key for key, _ in found])
        assert {passage.passage_id: passage for passage in passages.values()} == {
            name: item.passage for name, item in expected.items()
        }
        assert len(found) == len(expected) == self.store.manifest.passages
        for key, score in found:
            assert np.isclose(score, question @ expected[passages[key].passage_id].vector, atol=1e-5)
        for word in ("walrus", "penguin", "zoë"):
            keys = [key for key, _ in self.store.matching([words.stem(word)], 1000, ALL)]
            said = {
                name: self.texts[item.passage.article_id][item.passage.start : item.passage.end]
                for name, item in expected.items()
            }
            assert sorted(passage.passage_id for passage in self.store.passages(keys).values()) == sorted(
                name for name, text in said.items() if words.stem(word) in words.stems(text)
            )
            assert len(set(keys)) == len(keys) == len(self.store.passages(keys))


TestStoreAgainstDictionary = StoreAgainstDictionary.TestCase
TestStoreAgainstDictionary.settings = settings(
    max_examples=10,
    stateful_step_count=10,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
