"""`ask`: a question in, a cited answer out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from rag import config, resources
from rag.cli import options
from rag.cli.render import answer_text, is_terminal, notice
from rag.errors import BadQuestion, IndexMissing, RagError
from rag.index import Index

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
    settings = config.load(index=index, model=model, k=k, min_confidence=min_confidence, rerank=rerank)
    if question is not None and not " ".join(question).strip():
        raise BadQuestion("the question is empty", 'Ask in a sentence: ask "what did China say in Geneva?"')
    asked = [" ".join(question)] if question else None
    with _open(settings) as opened:
        outcomes: list[bool] = []
        refused = 0
        for text in asked or _lines():
            try:
                answer = opened.ask(text, since=since, until=until, source=source, as_of=as_of)
            except BadQuestion as error:
                if asked:
                    raise
                notice(f"error: {error}")
                refused += 1
                if as_json:  # line n of the output stays the answer to line n of the input
                    sys.stdout.write(json.dumps({"schema": 1, "question": text, "error": str(error)}) + "\n")
                continue
            if as_json:
                sys.stdout.write(json.dumps(answer.as_json(), ensure_ascii=False) + "\n")
            else:
                answer_text(answer, terminal=is_terminal())
            sys.stdout.flush()
            outcomes.append(answer.abstained)
    piped = not asked and not sys.stdin.isatty()
    if refused and piped:
        raise typer.Exit(BadQuestion.exit_code)
    if not outcomes and piped:
        raise BadQuestion("no question came from the pipe", "Write one a line, or ask in quotes: ask QUESTION")
    raise typer.Exit(ABSTAINED if outcomes and all(outcomes) else ANSWERED)


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
