"""The options that commands share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from rag.config import Settings


def _day(value: str | None) -> str | None:
    if value is not None:
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not a date; write it as YYYY-MM-DD") from None
    return value


IndexOption = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index.", show_default="RAG_INDEX, or the checkout's index/"),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Embedding model, by name or folder.", show_default="the index's own")
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="MODEL",
        help="A cross-encoder, by name or folder, to reorder passages; 'none' also leaves out the small one that reads sentences.",
        show_default="small",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="Where to embed: cpu, cuda, mps or auto.", show_default="cpu"),
]
VectorsOption = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        metavar="TYPE",
        help="How a new index stores passage vectors: float32 or float16.",
        show_default="float32",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DATE",
        callback=_day,
        help="Only articles of this day (YYYY-MM-DD) or later; a month or a year alone passes if it can be.",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", callback=_day, help="Only articles published on this day or earlier."),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        callback=_day,
        help="Read 'last week', 'latest' as on this day.",
        show_default="today",
    ),
]
ConfidenceOption = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        help="Abstain under this confidence.",
        show_default=str(Settings.model_fields["min_confidence"].default),
        min=0,
        max=1,
    ),
]
SourceOption = Annotated[str | None, typer.Option("--source", metavar="OUTLET", help="Only articles of this outlet.")]
LLMOption = Annotated[
    str | None,
    typer.Option(
        "--llm",
        metavar="PROVIDER:NAME",
        help="A language model writes the answer, and what the articles do not support of it is left out: openai:NAME, anthropic:NAME, gemini:NAME, local:PATH.",
        show_default="RAG_LLM, or none",
    ),
]
LLMOptionalOption = Annotated[
    bool | None,
    typer.Option(
        "--llm-optional/--llm-required",
        help="Where the model fails, answer with the articles' own sentences, or end with an error.",
        show_default="required",
    ),
]
ShowUnsupportedOption = Annotated[
    bool | None,
    typer.Option(
        "--show-unsupported/--strict",
        help="Show the model's unsupported claims too, struck through, or leave them out.",
        show_default="strict",
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep the model's replies.")]
EntailOption = Annotated[
    str | None,
    typer.Option(
        "--entail",
        metavar="MODEL",
        help="An entailment model, by name or folder, that checks the model's claims as well.",
    ),
]
PromptsOption = Annotated[
    Path | None,
    typer.Option("--prompts", metavar="FOLDER", help="Prompts that replace those that come with this package."),
]
