"""`rag bench`: time, memory and disk, measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rag import config, resources
from rag.cli import options
from rag.cli.render import notice
from rag.embed import Embedder
from rag.errors import BadInput
from rag.index import Index

bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure speed, memory and disk.")

CorpusOption = Annotated[
    list[Path] | None,
    typer.Option("--corpus", help="Articles to measure with: file or folder. Repeatable.", show_default="the seeds"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write a page of results (Markdown).")]


@bench.command()
def cold(
    *,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", help="NAME=COMMAND to alternate with; {question} stands for the question. Repeatable."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", help="How often each is run.", min=1, max=100)] = 9,
    question: Annotated[str, typer.Option("--question", help="What to ask.")] = "what did China say in Geneva?",
    out: OutOption = None,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Time a cold `ask`, from the start of the process to its end, alternating with other tools."""
    del debug
    from rag.evaluate.bench import cold_page, run_cold

    settings = config.load(index=index)
    page = cold_page(run_cold(settings, question, dict(_named(spec) for spec in against or []), rounds), question)
    _show(page, out)


@bench.command()
def first(
    *,
    rounds: Annotated[int, typer.Option("--rounds", help="How often.", min=1, max=20)] = 3,
    out: OutOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Time the first use: model export, index of the seeds, answer; with an empty cache and no index."""
    del debug
    from rag.evaluate.bench import first_page, run_first

    page = first_page(run_first(rounds))
    _show(page, out)


@bench.command()
def warm(
    *,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="JSON lines of questions.", show_default="the gold set on the seeds")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many of them.", min=1)] = 80,
    rounds: Annotated[int, typer.Option("--rounds", help="How often each is asked.", min=1, max=100)] = 3,
    out: OutOption = None,
    index: options.IndexOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Time questions in one process, with everything loaded."""
    del debug
    from rag.evaluate.bench import run_warm, warm_page
    from rag.evaluate.gold import load_questions, sample

    path = gold or resources.resource("eval/gold.jsonl")
    questions = [one.question for one in sample(load_questions(path), limit)]
    settings = config.load(index=index).model_copy(update={"llm": None})
    with Index.open(settings=settings, notice=notice) as opened:
        page = warm_page(run_warm(opened, questions, rounds), opened, path.name, rounds)
    _show(page, out)


@bench.command()
def scale(
    *,
    passages: Annotated[
        list[int], typer.Option("--passages", help="A size to grow to and measure at. Repeatable.", min=1)
    ],
    corpus: CorpusOption = None,
    questions: Annotated[
        list[Path] | None,
        typer.Option(
            "--questions",
            help="JSON lines of questions to ask. Repeatable.",
            show_default="questions.jsonl beside each corpus, or the gold set on the seeds",
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option("--work", help="Folder for the sample and the index.", show_default="scale in the cache folder"),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Folder of the index that is grown.", show_default="one in the --work folder"),
    ] = None,
    sample: Annotated[
        int,
        typer.Option("--sample", help="How many passages are real, with real vectors; encoding them is slow.", min=1),
    ] = 6_000,
    limit: Annotated[int, typer.Option("--limit", help="How many questions are timed.", min=1)] = 300,
    rounds: Annotated[int, typer.Option("--rounds", help="How often `ask` is started cold.", min=1, max=100)] = 5,
    added: Annotated[int, typer.Option("--added", help="How many articles are added one by one.", min=1)] = 7,
    earlier: Annotated[
        Path | None,
        typer.Option("--with", help="Show the figures of other sizes that an earlier --json holds as well."),
    ] = None,
    out: OutOption = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Write a plot (PNG).")] = None,
    debug: options.DebugOption = False,
) -> None:
    """Grow an index to one size after another, and measure latency, recall, memory, disk and adding at each.

    The first passages are real; the others are made of sentences of the real ones, their vectors perturbed. What is written is
    written anew after each size. The index is kept, so a later run goes on from there.
    """
    del debug
    from rag.evaluate.scale import Job, beside, load_figures, run_scale
    from rag.evaluate.scale_page import scale_page, scale_plot

    settings = config.load()
    job = Job(
        sizes=passages,
        corpora=corpus or (),
        questions=questions or (),
        folder=work or settings.cache / "scale",
        index=index,
        sample=sample,
        limit=limit,
        rounds=rounds,
        added=added,
    )
    embedder = _embedder(settings)
    before = load_figures(earlier) if earlier else []
    measured, page = [], ""
    for one in run_scale(job, settings, embedder, notice):
        measured.append(one)
        figures = beside(before, measured)
        page = scale_page(figures, f"Articles of {_names(corpus)}.") + "\n"
        if as_json:
            record = [each.model_dump(mode="json") for each in figures]
            as_json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        if out:
            out.write_text(page, encoding="utf-8")
        if plot:
            plot.write_bytes(scale_plot(figures))
    if not measured:
        raise BadInput("the index is larger than every size already", "Name a larger --passages, or another --index")
    sys.stdout.write(page)


@bench.command("add")
def add_(
    *,
    corpus: CorpusOption = None,
    passages: Annotated[int, typer.Option("--passages", help="How many passages to add, at most.", min=1)] = 1_500,
    rounds: Annotated[int, typer.Option("--rounds", help="How often.", min=1, max=100)] = 3,
    out: OutOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Add real articles to a new index, and tell how much of the time is spent outside the encoder."""
    del debug
    from rag.evaluate.scale_add import add_page, run_add

    settings = config.load()
    embedder = _embedder(settings)
    page = add_page(run_add(corpus or (), settings, embedder, passages=passages, rounds=rounds))
    _show(page, out)


@bench.command()
def encode(
    *,
    corpus: CorpusOption = None,
    passages: Annotated[int, typer.Option("--passages", help="How many passages to encode, at most.", min=1)] = 400,
    rounds: Annotated[int, typer.Option("--rounds", help="How often.", min=1, max=100)] = 5,
    out: OutOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Encode passages, alternating with `SentenceTransformer.encode`, and tell how many a second."""
    del debug
    from rag.evaluate.encoding import encoding_page, passages_of, run_encoding
    from rag.evaluate.scale_sample import corpora_of, ordered

    settings = config.load()
    embedder = _embedder(settings)
    chosen = passages_of(ordered(corpora_of(corpus or ())), embedder, settings.passage_tokens, passages)
    page = encoding_page(run_encoding(embedder, chosen, rounds), _names(corpus))
    _show(page, out)


def _show(page: str, out: Path | None) -> None:
    """Prints a page, and writes it where that is asked for."""
    if out:
        out.write_text(page + "\n", encoding="utf-8")
    sys.stdout.write(page + "\n")


def _embedder(settings: config.Settings) -> Embedder:
    """The model that a new index would have."""
    from rag import embed

    return embed.load(settings.model or config.DEFAULT_MODEL, settings.cache, notice=notice)


def _names(corpus: list[Path] | None) -> str:
    """Files by their folder and name; a set's file is always called the same."""
    return ", ".join(f"`{path.parent.name}/{path.name}`" for path in corpus) if corpus else "the seeds"


def _named(spec: str) -> tuple[str, str]:
    name, found, command = spec.partition("=")
    if not found:
        raise typer.BadParameter("write NAME=COMMAND", param_hint="--against")
    return name, command
