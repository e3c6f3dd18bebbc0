"""One flipped bit or byte at places spread over each file of an index: what reading says to it, and what verification finds."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import RagError
from rag.index import Index
from rag.store import EmbeddedStore
from rag.types import Filter
from tests.faults import sequence
from tests.faults.files import SETTINGS
from tests.faults.process import Say, forked, in_lanes

QUESTION = "Who met a walrus and a doctor?"
_SINGLE_BITS = 2 / 3
_NEVER = ("articles", "passages", "sentences", "quotes", "stream")
"""What must be as it was stored, or not be told at all."""


class Flip(NamedTuple):
    """A byte of a file, and the bits of it that are turned."""

    file: str
    at: int
    bits: int


class Whole(NamedTuple):
    """An index that nothing is wrong with, and what it tells."""

    folder: Path
    told: sequence.Told
    texts: Mapping[str, str]


def read(folder: Path, whole: Whole, say: Say) -> None:
    """Opens an index and reads all of it, part by part; says which errors were raised, and in what it differs."""
    raised: list[str] = []
    differs: list[str] = []

    def part(name: str, look: Callable[[], bool]) -> None:
        try:
            if not look():
                differs.append(name)
        except RagError as error:
            raised.append(type(error).__name__)

    try:
        store = EmbeddedStore.open(folder)
    except RagError as error:
        say([[type(error).__name__], []])
        return
    with closing(store):
        _parts(store, whole, part)
    part("quotes", lambda: _quotes(folder, whole))
    say([raised, differs])


def _parts(store: EmbeddedStore, whole: Whole, part: Callable[[str, Callable[[], bool]], None]) -> None:
    told = whole.told
    for name, text in whole.texts.items():
        part("articles", lambda name=name, text=text: store.article(name).text == text)  # type: ignore[misc]
        part("passages", lambda name=name: _passages(store, name, told))  # type: ignore[misc]
    keys = [int(key) for key in told["passages"]]
    part("passages", lambda: _within(_json(store.passages(keys)), told["passages"]))
    part("sentences", lambda: _within(sequence.sums(store.sentence_vectors(keys)), told["sentences"]))
    part("stream", lambda: {one.id: one.text for one in store.articles(Filter())} == whole.texts)
    try:
        now = sequence.tell(store)
    except RagError:
        part("all", lambda: bool(sequence.tell(store)))
        return
    for name in told.keys() - set(_NEVER):
        part(name, lambda name=name: name not in sequence.differences(now, told))  # type: ignore[misc]


def _json(passages: Mapping[int, Any]) -> dict[str, str]:
    return {str(key): passage.model_dump_json() for key, passage in passages.items()}


def _within(found: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return all(expected[key] == value for key, value in found.items())


def _passages(store: EmbeddedStore, name: str, told: sequence.Told) -> bool:
    return _within(_json(store.passages(store.keys(name))), told["passages"])


def _quotes(folder: Path, whole: Whole) -> bool:
    """Whether all that a question brings up is in the articles, word for word."""
    with Index.open(folder, settings=SETTINGS, embedder=sequence.STAND_IN) as index:
        answer = index.ask(QUESTION)
        hits = index.search(QUESTION, k=50)
    spans = [(one.article.id, one.start, one.end, one.quote) for one in answer.citations]
    spans += [(hit.article.id, hit.passage.start, hit.passage.end, hit.text) for hit in (*answer.hits, *hits)]
    return all(whole.texts.get(name, "")[start:end] == text for name, start, end, text in spans)


def _tried(flip: Flip, whole: Whole) -> dict[str, Any]:
    """What one flip came to."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("read", "verified"):
            folder = Path(place) / name
            shutil.copytree(whole.folder, folder)
            with (folder / flip.file).open("rb+") as file:
                file.seek(flip.at)
                byte = file.read(1)[0]
                file.seek(flip.at)
                file.write(bytes([byte ^ flip.bits]))
        ended = forked(partial(read, Path(place) / "read", whole))
        looked = forked(lambda say: say(sequence.wrong(Path(place) / "verified")))
    raised, differs = ended.said[0] if ended.said else ([], [])
    return {
        "kind": kind_of(flip.file),
        "raised": bool(raised),
        "found": bool(looked.said and looked.said[0]),
        "differs": differs,
        "lost": [
            f"{flip}: {what}"
            for what in (
                ended.fault,
                looked.fault and f"verification: {looked.fault}",
                *(f"reading gives other {name} than were stored" for name in differs if name in _NEVER),
                "verification finds nothing, though the index tells something else: " + ", ".join(differs)
                if differs and not (looked.said and looked.said[0])
                else "",
            )
            if what
        ],
    }


def kind_of(file: str) -> str:
    """What sort of file it is: tantivy's and FAISS's have random names."""
    path = Path(file)
    if path.parent == Path():
        return path.name
    known = path.name if path.name.startswith(".") or path.suffix == ".json" else f"*{path.suffix}"
    return f"{path.parent}/{known}"


def chosen(folder: Path, catalog: int, others: int, draw: random.Random) -> list[Flip]:
    """Flips spread evenly over each file: so many in the catalog, of which much is empty, and so many in each other one.

    Every second one is in a byte that is not zero.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith("-shm"):  # that one is made anew whenever the catalog is opened
            continue
        data = path.read_bytes()
        filled = [at for at, byte in enumerate(data) if byte]
        wanted = catalog if path.suffix == ".sqlite" else others
        for among, number in ((range(len(data)), wanted // 2), (filled, wanted - wanted // 2)):
            places = min(len(among), number)
            for place in range(places):
                at = among[int(len(among) / places * (place + draw.random()))]
                bits = 1 << draw.randrange(8) if draw.random() < _SINGLE_BITS else draw.randrange(1, 256)
                found.append(Flip(str(path.relative_to(folder)), at, bits))
    return found


def flips(catalog: int, others: int, lanes: int) -> dict[str, Any]:
    """Flips so many places of the catalog, and so many of each other file.

    Returns:
        `files`: of each kind of file how many flips there were, at how many reading raised an error, verification found something, neither and nothing told was another (`harmless`),
        and what search found was another, with verification's finding it (`searched`); `lost`: in sentences, where something was told that was not stored, or nothing was found.
    """
    sequence.warm()
    draw = random.Random(catalog)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "index"
        whole = _whole(folder)
        tasks = chosen(folder, catalog, others, draw)
        results = in_lanes(lambda flip: _tried(flip, whole), tasks, lanes)
    files: dict[str, Counter[str]] = {}
    for result in results:
        of = files.setdefault(result["kind"], Counter())
        of["flips"] += 1
        of["raised"] += result["raised"]
        of["found"] += result["found"]
        of["searched"] += bool(result["differs"] and result["found"])
        of["harmless"] += not (result["raised"] or result["found"] or result["differs"])
    return {"files": files, "lost": [what for result in results for what in result["lost"]]}


def _whole(folder: Path) -> Whole:
    def work(say: Say) -> None:
        sequence.STEPS.run(folder, lambda _: None, 0)
        with closing(EmbeddedStore.open(folder)) as store:
            say([sequence.tell(store), {one.id: one.text for one in store.articles(Filter())}])

    told, texts = forked(work).sound().said[0]
    whole = Whole(folder, told, texts)
    again = forked(partial(read, folder, whole)).sound().said[0]
    verified = forked(lambda say: say(sequence.wrong(folder))).sound().said[0]
    if again != [[], []] or verified:
        raise RuntimeError(f"an index without a fault is not taken for one: {again} {verified}")
    return whole
