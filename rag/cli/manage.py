"""`rag`: everything about an index except asking it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import config, resources
from rag.cli import options
from rag.cli.render import clean, dated, hits_text, is_terminal, notice
from rag.errors import BadInput
from rag.filters import filter_of
from rag.index import Index
from rag.store import DenseInfo
from rag.types import Article, hit_json

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Manage an index of news articles. `ask` answers questions from it.",
)


@app.command()
def add(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders.", show_default=False)] = None,
    *,
    seeds: Annotated[bool, typer.Option("--seeds", help="Add the five sample articles.")] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove what came from these paths and is not there any more.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: add again whenever something changes, until Ctrl-C.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print a line for each article, also of more than 20.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Character encoding of the files.", show_default="utf-8")
    ] = None,
    max_file_mb: Annotated[
        float | None, typer.Option("--max-file-mb", help="Skip larger files.", show_default="10")
    ] = None,
    device: options.DeviceOption = None,
    vectors: options.VectorsOption = None,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    model: options.ModelOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Add articles: plain text (.txt, .md) and JSON lines (.jsonl). What is there already is left as it is, what changed is replaced.

    What cannot be read is named and skipped; the rest is added. Ctrl-C ends after the current batch, and the same command goes on from there. Exit code 1
    when a path that was named could not be read, 130 when it was interrupted.
    """
    del debug
    sources = [*(paths or []), *([resources.resource("seeds")] if seeds else [])]
    if not sources:
        raise BadInput("nothing to add", "Name files or folders, or use --seeds for the five sample articles")
    from rag.cli.contents import Adding

    settings = config.load(
        index=index, model=model, encoding=encoding, max_file_mb=max_file_mb, device=device, vectors=vectors
    )
    with Index.create(settings=settings, notice=notice) as opened:
        adding = Adding(opened, sources, sync=sync, as_json=as_json, verbose=verbose)
        raise typer.Exit(adding.watching(without=settings.index) if watch else adding.once())


@app.command()
def remove(
    ids_or_paths: Annotated[
        list[str],
        typer.Argument(
            metavar="ID|PATH",
            help="Ids of articles, or their first characters; files and folders that articles were added from.",
            show_default=False,
        ),
    ],
    *,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Remove articles: those that are named, and those from the files and folders that are named. All of them, or none where one is unknown.

    An article that was added from another place too stays. Where a name is both, it is the id; write ./NAME for the path.
    """
    del debug
    from rag.cli.contents import print_removed

    with Index.open(settings=config.load(index=index)) as opened:
        print_removed(opened.remove(*ids_or_paths), as_json=as_json)


@app.command("list")
def list_(
    *,
    author: Annotated[str | None, typer.Option("--author", help="Only articles with this name in the byline.")] = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    source: options.SourceOption = None,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """List the articles: id, date, outlet, title."""
    del debug
    with Index.open(settings=config.load(index=index)) as opened:
        found = [
            article
            for article in opened.articles(filter_of(since, until, source))
            if author is None or author.casefold() in " ".join(article.people).casefold()
        ]
    if as_json:
        _json([_summary(article) for article in found])
        return
    for article in found:
        _line(f"{article.id}  {dated(article):24}  {article.source or '–':14}  {article.label}")


@app.command()
def show(
    article_id: Annotated[str, typer.Argument(help="Id of an article, or the start of it.", show_default=False)],
    *,
    text: Annotated[bool, typer.Option("--text", help="Print the stored text, unchanged, and nothing else.")] = False,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Show an article: every field and where it was found, or its text."""
    del debug
    with Index.open(settings=config.load(index=index)) as opened:
        article = opened.article(article_id)
    if text:
        sys.stdout.buffer.write(article.text.encode("utf-8", "surrogateescape"))
        return
    if as_json:
        _json(article.model_dump())
        return
    for name, value in _summary(article).items():
        origin = article.origins.get(name)
        shown = ", ".join(value) if isinstance(value, (list, tuple)) else value
        if shown:
            _line(f"{name:15} {shown}{f'  (from: {origin})' if origin else ''}")
    for mark in article.marks:
        excerpt = " ".join(article.text[mark.start : mark.end].split())
        _line(f"not the story   {mark.start}–{mark.end} {mark.kind}: {excerpt[:60]}")
    _line("")
    _line(article.text)


@app.command()
def search(
    question: Annotated[list[str], typer.Argument(help="Words or a question.", show_default=False)],
    *,
    k: Annotated[int, typer.Option("--k", help="How many passages.", min=1, max=100)] = 10,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    source: options.SourceOption = None,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Find passages, best first, without choosing an answer."""
    del debug
    text = " ".join(question)
    with Index.open(settings=config.load(index=index), notice=notice) as opened:
        hits = opened.search(text, k=k, since=since, until=until, source=source)
    if as_json:
        _json([hit_json(hit) for hit in hits])
    else:
        hits_text(hits, text, terminal=is_terminal())


@app.command()
def status(
    *,
    as_json: options.JsonOption = False,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Show what the index holds: model, chunker, counts, sizes, generation, digest."""
    del debug
    with Index.open(settings=config.load(index=index)) as opened:
        manifest, path = opened.manifest, opened.info.path
        sizes = opened.store.sizes()
    if as_json:
        _json({"path": path, **manifest.model_dump(), "bytes": dict(sizes)})
        return
    model = manifest.model
    for name, value in {
        "index": path,
        "format": manifest.format,
        "model": f"{model.name} ({model.dimension} dimensions, {model.pooling} pooling, weights {model.sha256[:12]}…)",
        "chunker": f"{manifest.chunker.name}, at most {manifest.chunker.max_tokens} tokens",
        "articles": f"{manifest.articles} ({manifest.undated} without a date)",
        "passages": manifest.passages,
        "vectors": f"{manifest.vectors}; of sentences {manifest.sentence_vectors}",
        "search": _searched(manifest.dense),
        "on disk": ", ".join(f"{name} {_megabytes(size)}" for name, size in sizes.items()),
        "in memory": f"{_megabytes(manifest.dense.resident_bytes)}; mapped {_megabytes(manifest.dense.mapped_bytes)}",
        "generation": manifest.generation,
        "digest": manifest.digest,
    }.items():
        _line(f"{name:11} {value}")


def _searched(dense: DenseInfo) -> str:
    """How vectors are searched, in words."""
    if dense.kind == "exact":
        return "every vector is compared"
    return (
        f"{dense.probes} of {dense.lists} lists; finds {dense.recall:.1%} of the exact ten nearest"
        f" ({dense.measured} queries)"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _summary(article: Article) -> dict[str, Any]:
    return article.model_dump(exclude={"text", "marks", "origins"})


def _line(text: str) -> None:
    print(clean(text) if is_terminal() else text)  # noqa: T201


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


from rag.cli import care, measure  # noqa: E402 - their commands join the ones above
from rag.cli.bench import bench  # noqa: E402
from rag.cli.prompts import prompts  # noqa: E402

app.command()(care.verify)
app.command()(care.repair)
app.command()(care.export)
app.command("import")(care.import_)
app.command()(care.migrate)
app.command("eval")(measure.evaluate)
app.add_typer(bench, name="bench")
app.add_typer(prompts, name="prompts")
