"""`rag verify`, `repair`, `export`, `import` and `migrate`: looking after an index."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import care, config
from rag.cli import options
from rag.cli.render import clean, is_terminal, notice, one_line
from rag.store.manifest import Manifest
from rag.store.repair import Repaired
from rag.store.verify import Fault, Progress, Verified

_SHOWN = 20
_ARCHIVE = "FILE.tar.zst"


def verify(
    *, as_json: options.JsonOption = False, index: options.IndexOption = None, debug: options.DebugOption = False
) -> None:
    """Check every digest, every offset and every vector, and say what `rag repair` would do. Nothing is written.

    Exit code 1 when something is not as it was written.
    """
    del debug
    settings = config.load(index=index)
    found = _verified(settings)
    if as_json:
        _json(_as_json(found))
    else:
        _print(found)
    raise typer.Exit(int(bool(found.faults)))


def repair(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Mend the index: build again what is derived, embed again what is damaged, take out and name what is lost.

    Nothing is deleted that cannot be made again; a broken catalog is kept beside the new one. Exit code 1 when faults are left.
    """
    if dry_run:
        verify(as_json=as_json, index=index, debug=debug)
    settings = config.load(index=index)
    with _working() as progress:
        repaired = care.repair(_folder(settings), settings, progress=progress, notice=notice)
    if as_json:
        lost = [one._asdict() for one in repaired.lost]
        _json({"done": repaired.done, "lost": lost, **_as_json(repaired.verified)})
    else:
        _print_repaired(repaired)
    raise typer.Exit(int(bool(repaired.verified.faults)))


def export(
    file: Annotated[Path, typer.Argument(metavar=_ARCHIVE, help="The file to write.", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Write the whole index into one file, as it is at this moment. What searches need is built again by `rag import`."""
    del debug
    from rag.store.archive import export_index

    with _working() as progress:
        manifest = export_index(_folder(config.load(index=index)), file, force=force, progress=progress)
    size = file.stat().st_size
    if as_json:
        _json({"file": str(file), "bytes": size, **_about(manifest)})
    else:
        _line(f"wrote {file} ({size / 1e6:,.1f} MB): {_counts(manifest)}")


def import_(
    file: Annotated[Path, typer.Argument(metavar=_ARCHIVE, help="A file of rag export.", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the index that is there.")] = False,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Make an index of a file that `rag export` wrote. Every hash, article and vector is checked before it counts."""
    del debug
    from rag.store.archive import import_index

    folder = _folder(config.load(index=index))
    with _working() as progress:
        manifest = import_index(file, folder, force=force, progress=progress, notice=notice)
    if as_json:
        _json({"index": str(folder), **_about(manifest)})
    else:
        _line(f"the index in {folder} has {_counts(manifest)}")


def migrate(
    *, as_json: options.JsonOption = False, index: options.IndexOption = None, debug: options.DebugOption = False
) -> None:
    """Bring an index of an older format to the one of this version. Whatever opens an index does that too."""
    del debug
    settings = config.load(index=index)
    folder = _folder(settings)
    before, after = care.migrate(folder, settings, notice=lambda _: None)
    if as_json:
        _json({"index": str(folder), "before": before, "after": after})
    elif before == after:
        _line(f"the index in {folder} is of format {after} already")
    else:
        _line(f"format {before} → {after}")


def _folder(settings: config.Settings) -> Path:
    return settings.index.expanduser()


def _verified(settings: config.Settings) -> Verified:
    from rag.store.verify import verify as verify_store

    with _working() as progress:
        return verify_store(_folder(settings), progress=progress, lock_seconds=settings.lock_seconds)


def _print(found: Verified) -> None:
    for fault in found.faults[:_SHOWN]:
        _line(_told(fault))
    if len(found.faults) > _SHOWN:
        _line(f"and {len(found.faults) - _SHOWN:,} more faults; --json lists them all")
    for name in found.unknown:
        notice(f"left alone, as it is no file of an index: {name}")
    counts = f"{found.articles:,} articles, {found.passages:,} passages, {found.vectors:,} vectors"
    if found.faults:
        _line(f"{_number(len(found.faults), 'fault')}; whole are {counts}. `rag repair` mends what can be mended.")
    else:
        _line(f"sound: {counts}")


def _told(fault: Fault) -> str:
    where = f"{fault.part} {one_line(fault.article_id)}" if fault.article_id is not None else fault.part
    return f"{where}: {one_line(fault.what)} ({fault.remedy})"


def _print_repaired(repaired: Repaired) -> None:
    for line in repaired.done:
        _line(one_line(line))
    for lost in repaired.lost:
        name = one_line(lost.article_id) if lost.article_id else "an article"
        places = f", which stood at {_listed(lost.locations)}" if lost.locations else ""
        _line(f"lost: {name}{places}; add it again")
    _print(repaired.verified)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(one_line(name) for name in names)


def _as_json(found: Verified) -> dict[str, Any]:
    faults = [fault._asdict() for fault in found.faults]
    return {"sound": not faults, **found._asdict(), "faults": faults}


def _about(manifest: Manifest) -> dict[str, Any]:
    return manifest.model_dump(include={"format", "articles", "passages", "generation", "digest"})


def _counts(manifest: Manifest) -> str:
    return f"{_number(manifest.articles, 'article')}, {_number(manifest.passages, 'passage')}, digest {manifest.digest[:12]}…"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _line(text: str) -> None:
    print(clean(text) if is_terminal() else text)  # noqa: T201


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _working() -> Iterator[Progress]:
    """A bar on standard error that shows what is being done, and nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, expand=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("opening", total=None)

        def update(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of if of > 1 else None)

        yield update
