"""Eight readers, four of them processes and four of them threads, ask while a writer adds: no error, and never two generations at once."""

from __future__ import annotations

import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from rag.index import Index
from rag.store import Located, Store
from rag.store.digest import Contents
from rag.types import Filter
from tests.faults import sequence
from tests.faults.files import SETTINGS
from tests.faults.process import Say, forked, forked_together
from tests.stand_in import article, indexed

GROUP = 6
"""So many articles are written anew in every batch, all with the same edition."""
_QUESTION = "Which edition of the almanac is this?"

Seen = dict[int, list[Any]]
"""By generation: the digest of the index and the edition."""


class Mixed(Exception):
    """What was read together is not of one generation."""


def _edition(text: str) -> int:
    return int(text.split("edition ")[1].split(".", maxsplit=1)[0])


def _batch(number: int) -> list[Any]:
    """The group in an edition, and an article that stays or comes and goes."""
    group = [
        article(f"g{at}", f"This almanac is edition {number}. The walrus of page {at} is in edition {number}.")
        for at in range(GROUP)
    ]
    more = article(f"more{number % 40}", f"The harbour was closed on day {number}. Nobody met the committee.")
    return [indexed(one, sequence.STAND_IN) for one in (*group, more)]


def _write(folder: Path, batches: int, seconds: float, done: Path, say: Say) -> None:
    """Adds batch by batch, beside two threads that read through the writer's own store; says what each generation is, then what the threads saw."""
    with Index.open(folder, settings=SETTINGS, embedder=sequence.STAND_IN) as index, ExitStack() as stack:
        threads = [_Thread(partial(_look, index.store), done) for _ in range(2)]
        stack.callback(done.touch)
        began, number = time.monotonic(), 1
        while number <= batches or time.monotonic() - began < seconds:
            number += 1
            removals = [f"more{(number - 20) % 40}"] if number > 20 else []
            index.store.write(_batch(number), removals, [Located(f"copy {number}", "g0")], [f"copy {number - 1}"])
            say({str(index.manifest.generation): [index.manifest.digest, number]})
            index.store.sync()
        done.touch()
        for thread in threads:
            thread.tell(say)


def _look(store: Store, seen: Seen) -> None:
    """Reads all there is, as of one moment."""
    with store.reading():
        manifest = store.manifest
        digests = store.digests()
        contents = Contents()
        for name, digest in digests.items():
            contents.add(name, digest)
        keys = {key for key, _ in store.nearest(sequence.STAND_IN.encode_query(_QUESTION), 1000, Filter())}
        words = {key for key, _ in store.matching(["edit"], 1000, Filter())}
        passages = store.passages(sorted(keys | words))
        texts = {one.article_id: store.article(one.article_id).text for one in passages.values()}
        editions = {_edition(text) for name, text in texts.items() if name.startswith("g")}
        editions |= {
            _edition(texts[one.article_id][one.start : one.end]) for key, one in passages.items() if key in words
        }
        copies = [place for place in store.places("g0") if place.startswith("copy")]
        if contents.digest != manifest.digest or len(digests) != manifest.articles:
            raise Mixed("the manifest is not that of the articles")
        if len(keys) != manifest.passages or texts.keys() != digests.keys() or passages.keys() != keys:
            raise Mixed(f"{len(keys)} vectors and {len(passages)} passages where there are {manifest.passages}")
        if {name for name in texts if name.startswith("g")} != {passages[key].article_id for key in words}:
            raise Mixed("words are not found where they stand")
        if len(editions) != 1 or copies != [f"copy {min(editions)}"] * bool(copies):
            raise Mixed(f"editions {sorted(editions)} with {copies}")
        if store.manifest != manifest:
            raise Mixed("the manifest changed")
        seen[manifest.generation] = [manifest.digest, editions.pop()]


def _ask(index: Index, seen: Seen) -> None:
    """Asks and searches through the library's front door."""
    answer = index.ask(_QUESTION, k=GROUP)
    quoted = {_edition(one.article.text) for one in answer.citations if one.article.id.startswith("g")}
    shown = {_edition(hit.article.text) for hit in answer.hits if hit.article.id.startswith("g")}
    found = {_edition(hit.article.text) for hit in index.search(_QUESTION, k=GROUP) if hit.article.id.startswith("g")}
    if len(shown) != 1 or not quoted <= shown or len(found) != 1:
        raise Mixed(f"editions {sorted(quoted)}, {sorted(shown)}, {sorted(found)} in one answer")
    if any(one.article.text[one.start : one.end] != one.quote for one in answer.citations):
        raise Mixed("a quote is not in its article")
    seen.setdefault(-shown.pop(), [answer.index.digest, None])


class _Thread:
    """Reads again and again until the writer has done."""

    def __init__(self, look: Callable[[Seen], None], done: Path) -> None:
        self._look, self._done = look, done
        self._seen: Seen = {}
        self._looked = 0
        self._trace = ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            last = False
            while not last:
                last = self._done.exists()  # once more after the last write
                self._look(self._seen)
                self._looked += 1
        except Exception:  # noqa: BLE001 - whatever it is, the parent is told
            self._trace = traceback.format_exc()

    def tell(self, say: Say) -> None:
        """Says what was seen, when it has ended."""
        self._thread.join()
        if self._trace:
            say({"fault": self._trace.strip().splitlines()[-1]})
        say({"looked": self._looked, "seen": self._seen})


def _read(folder: Path, done: Path, say: Say, *, threads: int = 1, asks: bool = False) -> None:
    with Index.open(folder, settings=SETTINGS, embedder=sequence.STAND_IN) as index:
        look = partial(_ask, index) if asks else partial(_look, index.store)
        for one in [_Thread(look, done) for _ in range(threads)]:
            one.tell(say)


def crowd(batches: int, seconds: int) -> dict[str, Any]:
    """Writes at least so many batches, for at least so many seconds, beside eight readers.

    Returns:
        `batches`: how many were written; `readings`: how many times each reader read; `generations`: how many different ones readers saw; `lost`: errors and mixed generations, in sentences.
    """
    sequence.warm()
    with tempfile.TemporaryDirectory() as place:
        folder, done = Path(place) / "index", Path(place) / "done"
        said = list(forked(partial(_first, folder)).said)
        ended = forked_together(
            [
                partial(_write, folder, batches, float(seconds), done),
                *[partial(_read, folder, done) for _ in range(2)],
                *[partial(_read, folder, done, asks=True) for _ in range(2)],
                partial(_read, folder, done, threads=2),
            ],
            seconds + 120.0,
        )
    lost = [one.fault for one in ended if one.fault]
    said += [line for one in ended for line in one.said]
    written = {key: value for line in said for key, value in line.items() if key.isdigit()}
    editions = {-edition: digest for digest, edition in written.values()}
    lost += [line["fault"] for line in said if "fault" in line]
    readings = [line["looked"] for line in said if "looked" in line]
    seen: set[str] = set()
    for line in said:
        for key, value in line.get("seen", {}).items():
            seen.add(key)
            if key.isdigit() and written.get(key) != value:
                lost.append(f"a reader saw generation {key} as {value}, which was written as {written.get(key)}")
            if not key.isdigit() and editions.get(int(key)) != value[0]:
                lost.append(f"an answer from edition {key[1:]} names the digest {value[0]}")
    lost += ["a reader never read"] if len(readings) != 8 or not all(readings) else []
    return {
        "batches": len(written),
        "readings": readings,
        "generations": len({key for key in seen if key.isdigit()}),
        "lost": lost,
    }


def _first(folder: Path, say: Say) -> None:
    with closing(sequence.made(folder)) as store:
        store.write(_batch(1))
        store.sync()
        say({str(store.manifest.generation): [store.manifest.digest, 1]})
