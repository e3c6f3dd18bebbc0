"""What every `Store` must do. `CHECKS` holds one function a promise.

Each takes a factory that opens the same, at first empty, store every time it is called.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from rag import words
from rag.errors import ArticleMissing
from rag.store import Located, Store
from rag.types import Article, Filter
from tests.stand_in import StandIn, article, indexed

Opener = Callable[[], Store]
ALL = Filter()
DATED = [
    article("day", published="2024-05-14", source="Reuters"),
    article("month", published="2024-05", source="Axios"),
    article("year", published="2024", source="REUTERS"),
    article("leap", published="2024-02", source="Straße"),
    article("old", published="1999-12-31"),
    article("undated", source="Axios"),
]
FILTERS: list[tuple[Filter, set[str]]] = [
    (ALL, {"day", "month", "year", "leap", "old", "undated"}),
    (Filter(since=dt.date(2024, 5, 14)), {"day", "month", "year"}),
    (Filter(since=dt.date(2024, 5, 15)), {"month", "year"}),
    (Filter(since=dt.date(2024, 6, 1)), {"year"}),
    (Filter(since=dt.date(2025, 1, 1)), set()),
    (Filter(until=dt.date(2024, 5, 13)), {"month", "year", "leap", "old"}),
    (Filter(until=dt.date(2024, 4, 30)), {"year", "leap", "old"}),
    (Filter(until=dt.date(2023, 12, 31)), {"old"}),
    (Filter(since=dt.date(2024, 2, 29), until=dt.date(2024, 2, 29)), {"leap", "year"}),
    (Filter(source="reuters"), {"day", "year"}),
    (Filter(source="STRASSE"), {"leap"}),
    (Filter(source="Reuter"), set()),
    (Filter(source="axios", since=dt.date(2024, 1, 1)), {"month"}),
    (Filter(without=frozenset({"day", "old"})), {"month", "year", "leap", "undated"}),
    (Filter(without=frozenset({"day"}), source="Reuters"), {"year"}),
    (Filter(without=frozenset({"nobody"})), {"day", "month", "year", "leap", "old", "undated"}),
]


def put(store: Store, articles: Sequence[Article], removals: Sequence[str] = ()) -> None:
    store.write([indexed(one) for one in articles], removals)
    store.sync()


def found_dense(store: Store, where: Filter = ALL, n: int = 100) -> set[str]:
    keys = [key for key, _ in store.nearest(StandIn().encode_query("committee report"), n, where)]
    return {passage.article_id for passage in store.passages(keys).values()}


def found_lexical(store: Store, stems: Sequence[str] = ("geneva",), where: Filter = ALL, n: int = 100) -> set[str]:
    keys = [key for key, _ in store.matching(stems, n, where)]
    return {passage.article_id for passage in store.passages(keys).values()}


def an_empty_store_finds_nothing(opened: Opener) -> None:
    store = opened()
    assert (store.manifest.articles, store.manifest.passages, store.manifest.undated) == (0, 0, 0)
    assert store.nearest(StandIn().encode_query("a question"), 5, ALL) == []
    assert store.matching(["geneva"], 5, ALL) == []
    assert list(store.articles(ALL)) == []
    assert store.frequencies(["geneva"]) == {"geneva": 0}


def an_article_comes_back_whole(opened: Opener) -> None:
    store = opened()
    whole = article(
        "whole",
        "“Ça va”, said Zoë — 中国 \U0001f642 was silent.\r\n\r\n\tThe end\u2028of it.",
        title="A title",
        authors=("Ann Lee", "Bo Ek"),
        published="2024-05",
        url="https://example.org/1",
        path="somewhere/1.txt",
        origins={"title": "first line"},
    )
    put(store, [whole])
    assert store.article("whole") == whole
    assert list(store.articles(ALL)) == [whole]


def passages_and_vectors_come_back(opened: Opener) -> None:
    store, written = opened(), indexed(article("a"))
    store.write([written])
    store.sync()
    found = store.nearest(written.passages[0].vector, 10, ALL)
    keys = [key for key, _ in found]
    assert found[0].score == pytest.approx(1, abs=1e-5)
    assert list(store.passages(keys[:1]).values()) == [written.passages[0].passage]
    stored = store.sentence_vectors(keys)[keys[0]]
    assert np.allclose(stored, written.passages[0].sentence_vectors, atol=1e-3)


def unknown_keys_and_ids_are_no_secret(opened: Opener) -> None:
    store = opened()
    put(store, [article("a")])
    assert store.passages([10**9]) == {}
    assert store.sentence_vectors([10**9]) == {}
    with pytest.raises(ArticleMissing, match="nobody"):
        store.article("nobody")


def an_articles_passages_are_known_by_its_id(opened: Opener) -> None:
    store, texts = (
        opened(),
        {"a": " ".join(f"The walrus sang {n} songs in Geneva." for n in range(9)), "b": "It rained."},
    )
    put(store, [article(name, text) for name, text in texts.items()])
    for name, text in texts.items():
        written = [one.passage for one in indexed(article(name, text)).passages]
        keys = store.keys(name)
        found = store.passages(keys)
        assert [found[key] for key in keys] == written
    assert len(store.keys("a")) > 1
    assert store.keys("nobody") == []
    before = store.keys("a")
    put(store, [article("a", "The penguin sang.")], ["b"])
    assert store.keys("b") == []
    assert len(store.keys("a")) == 1
    assert not set(store.keys("a")) & set(before)


def counts_follow_writes(opened: Opener) -> None:
    store = opened()
    put(store, [article("a", published="2024"), article("b")])
    manifest = store.manifest
    passages = len(indexed(article("a")).passages) + len(indexed(article("b")).passages)
    assert (manifest.articles, manifest.passages, manifest.undated) == (2, passages, 1)
    put(store, [], ["b"])
    assert (store.manifest.articles, store.manifest.undated) == (1, 0)
    assert store.manifest.generation > manifest.generation


def a_replaced_article_leaves_nothing_behind(opened: Opener) -> None:
    store = opened()
    put(store, [article("a", "The walrus sang in Geneva."), article("b")])
    before = {key for key, _ in store.matching(["walrus"], 10, ALL)}
    put(store, [article("a", "The penguin sang in Geneva.")])
    assert store.matching(["walrus"], 10, ALL) == []
    assert found_lexical(store, ["penguin"]) == {"a"}
    assert not before & {key for key, _ in store.nearest(StandIn().encode_query("walrus"), 100, ALL)}
    assert store.passages(list(before)) == {}
    assert store.frequencies(["penguin"]) == {"penguin": 1}
    assert store.manifest.articles == 2


def a_removed_article_is_gone(opened: Opener) -> None:
    store = opened()
    put(store, [article("a"), article("b")])
    put(store, [], ["a", "never there"])
    assert found_dense(store) == found_lexical(store) == set(store.digests()) == {"b"}
    with pytest.raises(ArticleMissing):
        store.article("a")


def keys_are_never_used_twice(opened: Opener) -> None:
    store, seen = opened(), set[int]()
    for _ in range(3):
        put(store, [article("a")])
        keys = {key for key, _ in store.matching(["geneva"], 100, ALL)}
        assert keys
        assert not keys & seen
        seen |= keys
        put(store, [], ["a"])


def a_reopened_store_is_the_same(opened: Opener) -> None:
    store, vector = opened(), StandIn().encode_query("the committee")
    put(store, DATED)
    before = store.manifest, store.nearest(vector, 9, ALL), store.matching(["geneva", "day"], 9, ALL), store.digests()
    store.close()
    store = opened()
    assert (store.manifest, store.nearest(vector, 9, ALL), store.matching(["geneva", "day"], 9, ALL)) == before[:3]
    assert store.digests() == before[3]
    assert list(store.articles(ALL)) == sorted(DATED, key=lambda one: one.id)


def locations_are_kept(opened: Opener) -> None:
    store = opened()
    store.write([indexed(article("a"), location="one.txt"), indexed(article("b"), location="two.txt")])
    store.write([indexed(article("c"), location="one.txt")], ["b"])
    assert store.locations() == {"one.txt": "c"}
    store.write([], located=[Located("copy.txt", "c", "f"), Located("lost.txt", "nobody")])
    assert store.known("f") == "c"
    store.write([indexed(article("c", "The c text is new."), location="three.txt")])
    assert store.locations() == {"one.txt": "c", "three.txt": "c", "copy.txt": "c"}
    assert store.known("f") is None


def an_article_goes_with_its_last_location(opened: Opener) -> None:
    store = opened()
    store.write([indexed(article("a"), location="one.txt"), indexed(article("b"), location="two.txt")])
    assert store.write([indexed(article("c"), location="one.txt")]) == ["a"]
    store.write([], located=[Located("three.txt", "b")])
    assert store.write([], located=[Located("two.txt", "c")]) == []
    assert store.write([], vacated=["three.txt", "nowhere"]) == ["b"]
    store.sync()
    assert store.places("c") == ["one.txt", "two.txt"]
    assert store.at("two.txt") == "c"
    assert store.at("three.txt") is None
    assert set(store.digests()) == found_dense(store) == found_lexical(store) == {"c"}


def places_are_found_by_folder_and_file(opened: Opener) -> None:
    store = opened()
    places = ["/news/a.txt", "/news/b.jsonl#1", "/news/b.jsonl#2", "/news/deep/c.txt", "/newsroom/d.txt", "/news.txt"]
    store.write([indexed(article(f"n{number}"), location=place) for number, place in enumerate(places)])
    assert set(store.under("/news")) == set(places[:4])
    assert set(store.under("/news/")) == set(places[:4])
    assert store.under("/news/b.jsonl") == {"/news/b.jsonl#1": "n1", "/news/b.jsonl#2": "n2"}
    assert store.under("/news/a.txt") == {"/news/a.txt": "n0"}
    assert store.under("/new") == {}


def ids_are_found_by_prefix(opened: Opener) -> None:
    store = opened()
    put(store, [article(name) for name in ("abc", "abd", "ac", "a%", "Ab")])
    assert store.ids("ab", 5) == ["abc", "abd"]
    assert store.ids("ab", 1) == ["abc"]
    assert store.ids("a%", 5) == ["a%"]
    assert store.has("ac")
    assert not store.has("a")


def what_is_read_together_is_of_one_generation(opened: Opener) -> None:
    reader, writer = opened(), opened()
    put(writer, [article("a"), article("b")])
    with reader.reading():
        before = reader.manifest, found_dense(reader), found_lexical(reader), reader.digests()
        with reader.reading():
            put(writer, [article("c"), article("a", "The a text is new.")], ["b"])
            assert (reader.manifest, found_dense(reader), found_lexical(reader), reader.digests()) == before
            assert reader.article("b").id == "b"
    assert found_dense(reader) == found_lexical(reader, ["geneva", "text"]) == set(reader.digests()) == {"a", "c"}
    assert reader.manifest == writer.manifest


def filters_hold_everywhere(opened: Opener) -> None:
    store = opened()
    put(store, DATED)
    for where, expected in FILTERS:
        assert {one.id for one in store.articles(where)} == expected, where
        assert found_dense(store, where) == expected, where
        assert found_lexical(store, where=where) == expected, where


def best_comes_first_and_ties_go_by_key(opened: Opener) -> None:
    store = opened()
    texts = ["The walrus sang."] * 8 + ["The walrus met a walrus.", "Nobody at all sang, said the man."]
    put(store, [article(f"n{n}", text) for n, text in enumerate(texts)])
    for found in (
        store.nearest(StandIn().encode_query("The walrus sang."), 10, ALL),
        store.matching(["walrus", words.stem("sang")], 10, ALL),
    ):
        assert found == sorted(found, key=lambda item: (-item.score, item.key))
        assert len({round(item.score, 6) for item in found[:8]}) == 1
        assert all(math.isfinite(item.score) for item in found)
    for n in (1, 3, 7):
        nearest = store.nearest(StandIn().encode_query("The walrus sang."), 10, ALL)
        assert store.nearest(StandIn().encode_query("The walrus sang."), n, ALL) == nearest[:n]
        matching = store.matching(["walrus"], 10, ALL)
        assert store.matching(["walrus"], n, ALL) == matching[:n]


def no_words_match_nothing(opened: Opener) -> None:
    store = opened()
    put(store, [article("a")])
    assert store.matching([], 5, ALL) == []
    assert store.matching(["zebra"], 5, ALL) == []


def the_digest_is_of_the_contents_alone(opened: Opener) -> None:
    store = opened()
    empty = store.manifest.digest
    put(store, DATED)
    whole = store.manifest.digest
    put(store, [], [one.id for one in DATED])
    assert store.manifest.digest == empty
    for one in reversed(DATED):
        put(store, [one.model_copy(update={"path": f"elsewhere/{one.id}"})])
    assert store.manifest.digest == whole
    put(store, [DATED[0].model_copy(update={"title": "Another"})])
    assert store.manifest.digest != whole


CHECKS: tuple[Callable[[Opener], None], ...] = (
    an_empty_store_finds_nothing,
    an_article_comes_back_whole,
    passages_and_vectors_come_back,
    unknown_keys_and_ids_are_no_secret,
    an_articles_passages_are_known_by_its_id,
    counts_follow_writes,
    a_replaced_article_leaves_nothing_behind,
    a_removed_article_is_gone,
    keys_are_never_used_twice,
    a_reopened_store_is_the_same,
    locations_are_kept,
    an_article_goes_with_its_last_location,
    places_are_found_by_folder_and_file,
    ids_are_found_by_prefix,
    what_is_read_together_is_of_one_generation,
    filters_hold_everywhere,
    best_comes_first_and_ties_go_by_key,
    no_words_match_nothing,
    the_digest_is_of_the_contents_alone,
)
