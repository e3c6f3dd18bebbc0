"""Care for an index as a whole, with its model where that is needed: repairing and migrating."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from rag import chunk, config, embed, passages
from rag.embed import Embedder, ModelInfo
from rag.errors import RagError
from rag.store import EmbeddedStore, IndexedArticle, Manifest
from rag.store.opening import found
from rag.store.repair import Repaired
from rag.store.repair import repair as repair_store
from rag.store.verify import Progress
from rag.types import Article


def repair(
    folder: Path,
    settings: config.Settings,
    *,
    embedder: Embedder | None = None,
    progress: Progress = lambda _what, _done, _all: None,
    notice: Callable[[str], None] = lambda _: None,
) -> Repaired:
    """Mends the index in a folder. The model is loaded only where an article's passages or vectors must be made again.

    Args:
        folder: where the index is.
        settings: where exported models are, and how long to wait for another writer.
        embedder: the model to use instead of the one that the index names.
        progress: told what is done, how many of how many.
        notice: told in a line when something takes long.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: nothing can be read of it, or it cannot be written.
        IndexTooNew: a newer version of this package wrote it.
        IndexBusy: another process is writing.
        ModelMissing: the model is needed, and not on this machine.
        NoSpace: the disk is full.
    """
    loaded = [embedder] if embedder else []

    def model(info: ModelInfo) -> Embedder:
        if not loaded:
            loaded.append(embed.load(info.name, settings.cache, sha256=info.sha256, notice=notice))
        return loaded[0]

    def again(article: Article, location: str, manifest: Manifest) -> IndexedArticle:
        used = model(manifest.model)
        pieces = chunk.passages(article, used.token_offsets, manifest.chunker.max_tokens)
        return passages.indexed(article, pieces, used.encode_spans(*passages.texts(article, pieces)), location)

    def vouch(info: ModelInfo) -> bool:
        with contextlib.suppress(RagError):
            return model(info).info == info
        return False

    return repair_store(
        folder, again=again, vouch=vouch, progress=progress, notice=notice, lock_seconds=settings.lock_seconds
    )


def migrate(
    folder: Path, settings: config.Settings, *, notice: Callable[[str], None] = lambda _: None
) -> tuple[int, int]:
    """Brings the index in a folder to the format of this version; the format before, and after.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: it cannot be read or written; it is as it was before.
        IndexTooNew: a newer version of this package wrote it.
        IndexBusy: another process is writing.
        NoSpace: the disk is full; it is as it was before.
    """
    before = _format(folder)
    with contextlib.closing(EmbeddedStore.open(folder, notice=notice, lock_seconds=settings.lock_seconds)) as store:
        return before or store.manifest.format, store.manifest.format


def _format(folder: Path) -> int | None:
    """The format of an index before anything is done to it; None where that cannot be read."""
    from rag.store.catalog import Catalog

    with (
        contextlib.closing(Catalog(found(folder), writable=False)) as catalog,
        contextlib.suppress(ValueError, KeyError, TypeError),
    ):
        return int(json.loads(catalog.manifest_json() or "")["format"])
    return None
