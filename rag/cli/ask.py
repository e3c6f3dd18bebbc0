"""`ask`: a question in, a cited answer out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag import config, resources
from rag.cli import options
from rag.cli.render import answer_text, is_terminal, notice
from rag.errors import BadQuestion, IndexMissing, RagError
from rag.index import Index
from rag.types import Answer

if TYPE_CHECKING:
    from rag.answer.synthesis import OnClaim

Answerer = Callable[..., Answer]
"""Answers a question from an opened index, within the bounds of the command line; may be given what to tell of claims."""

ANSWERED, ABSTAINED = 0, 3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def ask(
    question: Annotated[list[str] | None, typer.Argument(help="The question.", show_default=False)] = None,
    *,
    as_json: options.JsonOption = False,
    k: Annotated[
        int | None, typer.Option("--k", help="Passages to show in JSON.", show_default="5", min=1, max=100)
    ] = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    source: options.SourceOption = None,
    as_of: options.AsOfOption = None,
    min_confidence: options.ConfidenceOption = None,
    index: options.IndexOption = None,
    model: options.ModelOption = None,
    rerank: options.RerankOption = None,
    llm: options.LLMOption = None,
    llm_optional: options.LLMOptionalOption = None,
    show_unsupported: options.ShowUnsupportedOption = None,
    no_cache: options.NoCacheOption = False,
    entail: options.EntailOption = None,
    prompts: options.PromptsOption = None,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", metavar="FILE", help="Ask the questions of a file: JSON lines, or one a line."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="With --batch: the answers, one JSON document a line; taken up again where it ended.",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", help="With --batch: questions asked at once.", min=1, max=64)
    ] = 4,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    debug: options.DebugOption = False,
) -> None:
    """Answer a question from news articles, with the sentences that say so, word for word.

    Without a question: a conversation on a terminal, one question a line from a pipe.

    Exit codes: 0 answered, 3 the articles do not answer, 1 an error, 2 wrong usage.
    """
    del debug  # read by the entry point, which shows the traceback
    if version:
        _show_version()
        return
    settings = config.load(
        index=index,
        model=model,
        k=k,
        min_confidence=min_confidence,
        rerank=rerank,
        llm=llm,
        llm_optional=llm_optional,
        show_unsupported=show_unsupported,
        llm_cache_mb=0 if no_cache else None,
        entail=entail,
        prompts=prompts,
    )

    def answer(opened: Index, text: str, on_claim: OnClaim = lambda _claim, _citations: None) -> Answer:
        return opened.ask(text, since=since, until=until, source=source, as_of=as_of, on_claim=on_claim)

    if batch or out:
        if not (batch and out) or question:
            raise typer.BadParameter("give --batch and --out together, and no question", param_hint="--batch")
        raise typer.Exit(_batch(settings, batch, out, concurrency, answer))
    if question is not None and not " ".join(question).strip():
        raise BadQuestion("the question is empty", 'Ask in a sentence: ask "what did China say in Geneva?"')
    raise typer.Exit(_each(settings, " ".join(question) if question else None, answer, as_json=as_json))


def _each(settings: config.Settings, question: str | None, answer: Answerer, *, as_json: bool) -> int:
    """Answers one question, or those of a pipe or a conversation, and gives the exit code."""
    with _open(settings) as opened:
        if settings.llm and not settings.llm_optional:
            opened.writer(settings.llm)  # what is missing is told before anything is asked
        outcomes: list[bool] = []
        refused = 0
        for text in [question] if question else _lines():
            try:
                abstained = _show(settings, text, partial(answer, opened), as_json=as_json)
            except BadQuestion as error:
                if question:
                    raise
                notice(f"error: {error}")
                refused += 1
                if as_json:  # line n of the output stays the answer to line n of the input
                    sys.stdout.write(json.dumps({"schema": 1, "question": text, "error": str(error)}) + "\n")
                continue
            sys.stdout.flush()
            outcomes.append(abstained)
    piped = not question and not sys.stdin.isatty()
    if refused and piped:
        return BadQuestion.exit_code
    if not outcomes and piped:
        raise BadQuestion("no question came from the pipe", "Write one a line, or ask in quotes: ask QUESTION")
    return ABSTAINED if outcomes and all(outcomes) else ANSWERED


def _show(settings: config.Settings, text: str, answer: Callable[..., Answer], *, as_json: bool) -> bool:
    """Answers one question and prints it; whether that is an abstention."""
    if as_json:
        found = answer(text)
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False) + "\n")
    elif settings.llm:
        from rag.cli.written import ClaimsShown

        shown = ClaimsShown(settings.llm, terminal=is_terminal(), unsupported=settings.show_unsupported)
        try:
            found = answer(text, shown.claim)
        except RagError:
            shown.break_off()
            raise
        if found.mode == "synthesis":
            shown.end(found)
        else:
            shown.break_off("The articles' own sentences:")
            answer_text(found, terminal=is_terminal())
    else:
        found = answer(text)
        answer_text(found, terminal=is_terminal())
    return found.abstained


def _batch(settings: config.Settings, questions: Path, out: Path, concurrency: int, answer: Answerer) -> int:
    """Asks a file of questions, and gives the exit code."""
    from rag.cli import batch

    with _open(settings) as opened:
        if settings.llm and not settings.llm_optional:
            opened.writer(settings.llm)  # what is missing is told once, not for every question
        return batch.run(questions, out, lambda text: answer(opened, text).as_json(), concurrency=concurrency)


def _show_version() -> None:
    from rag import __version__

    print(f"ask {__version__}")  # noqa: T201


def _open(settings: config.Settings) -> Index:
    """The index; in a checkout that has none yet, one built from the seeds first.

    An index that was never written to counts as none: its building was interrupted.
    """
    may_build = resources.checkout() is not None and settings.index == config.Settings().index
    try:
        opened = Index.open(settings=settings, notice=notice)
    except IndexMissing:
        if not may_build:
            raise
    else:
        if opened.manifest.generation:
            return opened
        opened.close()
        if not may_build:
            raise IndexMissing(f"the index in {settings.index} is empty", "Add articles: rag add FOLDER_OR_FILES")
    return _built_from_seeds(settings)


def _built_from_seeds(settings: config.Settings) -> Index:
    from rag.cli.progress import adding

    notice(f"no index yet: building one from {resources.resource('seeds')}")
    built = Index.create(settings=settings, notice=notice)
    try:
        with adding() as progress:
            report = built.add(resources.resource("seeds"), progress=progress)
    except RagError:
        built.close()
        raise
    for outcome in report.skipped:
        notice(f"skipped {outcome.location}: {outcome.reason}")
    return built


def _lines() -> Iterable[str]:
    return _conversation() if sys.stdin.isatty() else _piped()


def _piped() -> Iterator[str]:
    for line in sys.stdin.buffer:
        text = line.decode("utf-8", "replace").strip()
        if text:
            yield text


def _conversation() -> Iterator[str]:
    notice("Ask a question; an empty line or Ctrl-D ends.")
    while True:
        try:
            text = input("ask> ").strip()
        except EOFError:
            return
        if not text:
            return
        yield text
