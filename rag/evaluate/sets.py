"""What is evaluated: gold sets with their corpora, and an index of each corpus, built once and kept in a cache."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import rag
from rag import chunk, config, resources
from rag.add import Progress
from rag.embed import Embedder
from rag.errors import BadInput
from rag.index import Index

CORPUS, QUESTIONS = "corpus.jsonl", "questions.jsonl"
_SHOWN = 12
_MARKER = "made-by"
_MAKERS = ("ingest", "embed", "chunk.py", "sentences.py", "dates.py", "words.py", "add.py", "places.tsv")
"""What decides what an index of a corpus holds, apart from the model and the chunker's parameters."""


class EvalSet(NamedTuple):
    """A gold file, and the files and folders of the corpus that it was written on."""

    name: str
    gold: Path
    corpora: tuple[Path, ...]


def seeds() -> EvalSet:
    """The gold set on the articles that come with the project."""
    return EvalSet("seeds", resources.resource("eval/gold.jsonl"), (resources.resource("seeds"),))


def set_of_folder(folder: Path) -> EvalSet:
    """A set from a folder with `corpus.jsonl` and `questions.jsonl`.

    Raises:
        BadInput: one of them is missing.
    """
    folder = folder.expanduser()
    for name in (CORPUS, QUESTIONS):
        if not (folder / name).is_file():
            raise BadInput(
                f"{folder} has no {name}", f"Name a folder with {CORPUS} and {QUESTIONS}; see eval/README.md"
            )
    return EvalSet(folder.resolve().name, folder / QUESTIONS, (folder / CORPUS,))


def set_of_files(gold: Path, corpora: Sequence[Path]) -> EvalSet:
    """A set from a gold file and the corpora that it was written on: files, or folders of articles or with a `corpus.jsonl`.

    Raises:
        BadInput: a corpus is not there.
    """
    found = []
    for path in corpora:
        inner = path.expanduser() / CORPUS
        corpus = inner if inner.is_file() else path.expanduser()
        if not corpus.exists():
            raise BadInput(f"the corpus {path} is not there", "Name a file or a folder of articles")
        found.append(corpus)
    return EvalSet(gold.stem, gold, tuple(found))


def open_index(
    chosen: EvalSet,
    settings: config.Settings,
    cache: Path,
    *,
    embedder: Embedder | None = None,
    notice: Callable[[str], None] = lambda _: None,
    progress: Progress = lambda _: None,
) -> Index:
    """The index of a set's corpus: the one in the cache if it was made by this code, else made anew.

    Its folder is named for the digest of the corpus' contents, the model and the chunker. Made halfway, it is completed.

    Raises:
        ModelMissing: the embedding model is not on this machine.
        IndexBusy: another process is making it.
    """
    model = embedder.info.name if embedder else settings.model or config.DEFAULT_MODEL
    folder = cache / _key(chosen, model, settings.passage_tokens)
    marker, code = folder / _MARKER, _code_digest()
    made_by = marker.read_text(encoding="utf-8") if marker.is_file() else None
    if made_by not in {None, code}:
        notice(f"{chosen.name}: the code that makes an index has changed; making it anew")
        shutil.rmtree(folder)
    index = Index.create(folder, settings=settings, embedder=embedder, notice=notice)
    if made_by == code:
        return index
    try:
        report = index.add(*chosen.corpora, progress=progress)
        for outcome in report.skipped:
            notice(f"{chosen.name}: skipped {outcome.location}: {outcome.reason}")
    except BaseException:
        index.close()
        raise
    if not index.manifest.articles:
        index.close()
        raise BadInput(f"the corpus of {chosen.name} has no article", "Name a file or a folder of articles")
    marker.write_text(code, encoding="utf-8")
    return index


def corpus_digest(corpora: Sequence[Path]) -> str:
    """SHA-256 over the contents of every file of a corpus, in the order of their names; where they stand does not count."""
    total = hashlib.sha256()
    for corpus in corpora:
        files = [corpus] if corpus.is_file() else sorted(path for path in corpus.rglob("*") if path.is_file())
        for path in files:
            name = path.relative_to(corpus).as_posix() if path != corpus else ""
            with path.open("rb") as file:
                total.update(f"{name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _key(chosen: EvalSet, model: str, max_tokens: int) -> str:
    parts = f"{corpus_digest(chosen.corpora)}\n{model}\n{chunk.CHUNKER}\n{max_tokens}"
    name = "".join(char if char.isalnum() or char in "-_" else "-" for char in chosen.name)
    return f"{name}-{hashlib.sha256(parts.encode()).hexdigest()[:_SHOWN]}"


def _code_digest() -> str:
    package = Path(rag.__file__).parent
    total = hashlib.sha256()
    for name in _MAKERS:
        place = package / name
        for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            total.update(path.read_bytes() if path.is_file() else b"")
    return total.hexdigest()
