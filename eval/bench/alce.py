"""How well a written answer is cited, by the measures of ALCE: every question of a set answered in a language model's words, verified and cited.

    python eval/bench/alce.py --data DEV_SETS/clapnq --cache CACHE --out eval/results/alce.md

Without `--writer` the set's own answers stand in for a language model: their sentences are the claims, no passages named, and to a question without an answer
the reply is an empty list. The measures are those of Gao et al., "Enabling Large Language Models to Generate Text with Citations" (2023, arXiv 2305.14627).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag import config, llm, sentences
from rag.answer.verify import Judgement, Source
from rag.errors import LLMFailed
from rag.evaluate.bootstrap import ratio_interval
from rag.evaluate.gold import GoldQuestion, Place, listed, load_questions, sample, spans_of
from rag.evaluate.sets import open_index, set_of_folder
from rag.evaluate.verification import sources_of
from rag.index import Index
from rag.llm import LLM, Limits, Message, Piece, Usage
from rag.types import Answer, Verdict

Judge = Callable[[str, Sequence[Source]], Judgement]

_GOLD = "gold"
_AS_OF = "2021-03-01"  # for questions about time, which would else be read differently every day
_RESAMPLES = 2_000
_HELD = 64
_VERDICTS: tuple[Verdict, ...] = ("supported", "partly", "unsupported")


class GoldWriter:
    """Writes what a good model would: the first of a question's known answers, sentence by sentence, as claims that name no passages.

    It replies to the question that `asked` was set to last.
    """

    name = "gold answers"

    def __init__(self) -> None:
        self.asked: GoldQuestion | None = None

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The reply, in one piece; the messages are not read."""
        del messages
        answer = self.asked.answers[0] if self.asked and self.asked.answerable and self.asked.answers else ""
        claims = [{"text": answer[one.start : one.end], "passages": []} for one in sentences.split(answer)]
        yield Piece(json.dumps({"claims": claims}), "end", Usage(requests=1))

    def close(self) -> None:
        """Nothing is held."""


class Timed:
    """A judge that notes how many seconds each claim took, however often it was judged."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.seconds: dict[str, float] = {}

    def __call__(self, claim: str, sources: Sequence[Source]) -> Judgement:
        """The judgement."""
        started = time.perf_counter()
        judgement = self.judge(claim, sources)
        self.seconds[claim] = self.seconds.get(claim, 0.0) + time.perf_counter() - started
        return judgement


class Statement(NamedTuple):
    """A claim that stands in an answer: what its citations are to it, taken together, and of each whether it is precise."""

    verdict: Verdict
    precise: tuple[bool, ...]


class Overlap(NamedTuple):
    """The citations of an answer against the known evidence.

    `right` says of each whether it overlaps a place of the evidence; of the `evidence` sentences `read` stood in the passages that the writer got, `cited`
    are overlapped by a citation.
    """

    right: tuple[bool, ...]
    evidence: int
    read: int
    cited: int


@dataclass(frozen=True)
class Row:
    """What came of a question; no answer where the model failed, no overlap where nothing was written or there is no evidence.

    `copied` says of each claim whether an article that holds the answer has it word for word, `seconds` how long it took to verify.
    """

    question: GoldQuestion
    answer: Answer | None
    statements: tuple[Statement, ...] = ()
    overlap: Overlap | None = None
    copied: tuple[bool, ...] = ()
    seconds: tuple[float, ...] = ()

    @property
    def written(self) -> bool:
        """Whether the model was asked, and replied."""
        return self.answer is not None and self.answer.writing is not None

    def claims(self, verdict: Verdict | None = None) -> int:
        """How many claims were written, or got this verdict."""
        return sum(verdict in {None, claim.verdict} for claim in self.answer.claims) if self.answer else 0

    @property
    def answered(self) -> bool:
        """Whether a claim stands in the answer."""
        return self.written and self.answer is not None and not self.answer.abstained


def statement(claim: str, cited: Sequence[Source], judge: Judge) -> Statement:
    """A claim held against the sentences that it cites, and no others.

    A citation is precise where all together support the claim, and it alone does, or the others without it do not.
    """
    verdict = judge(claim, cited).verdict

    def supports(sources: Sequence[Source]) -> bool:
        return judge(claim, sources).verdict == "supported"

    precise = tuple(
        verdict == "supported" and (len(cited) == 1 or supports([one]) or not supports([*cited[:at], *cited[at + 1 :]]))
        for at, one in enumerate(cited)
    )
    return Statement(verdict, precise)


def overlaps(one: Place, other: Place) -> bool:
    """Whether two ranges of an article share a character."""
    return one.doc_id == other.doc_id and one.start < other.end and other.start < one.end


def overlap(evidence: Sequence[Sequence[Place]], read: Sequence[Place], cited: Sequence[Place]) -> Overlap:
    """The citations against the evidence.

    Args:
        evidence: for each sentence of it the places at which it stands.
        read: the passages that the writer got.
        cited: the citations.
    """

    def met(ranges: Sequence[Place]) -> int:
        return sum(any(overlaps(place, one) for place in places for one in ranges) for places in evidence)

    right = tuple(any(overlaps(place, one) for places in evidence for place in places) for one in cited)
    return Overlap(right, len(evidence), met(read), met(cited))


def ask_all(index: Index, model: LLM, questions: Sequence[GoldQuestion]) -> list[Row]:
    """Asks every question, and holds the answers against their citations and the citations against the evidence."""
    verifier = index.writer(model).verifier
    timed = Timed(verifier.judge)
    verifier.judge = timed  # type: ignore[method-assign]
    sources = lru_cache(maxsize=_HELD)(lambda article_id: sources_of(index.store, article_id))
    rows = []
    for number, question in enumerate(questions, start=1):
        if isinstance(model, GoldWriter):
            model.asked = question
        timed.seconds.clear()
        try:
            answer = index.ask(question.question, llm=model, as_of=_AS_OF)
        except LLMFailed as error:
            print(f"{question.id}: {error.message}", flush=True)
            rows.append(Row(question, None))
            continue
        by_number: dict[int, Source] = {}
        for citation in answer.citations:
            place = (citation.start, citation.end)
            known = sources(citation.article.id)
            by_number[citation.n] = next(one for one in known if (one.sentence.start, one.sentence.end) == place)
        statements = tuple(
            statement(claim.text, [by_number[n] for n in claim.citations], timed.judge)
            for claim in answer.claims
            if claim.shown
        )
        texts = [_bare(index.article(article_id).text) for article_id in question.documents]
        copied = tuple(any(_bare(claim.text) in text for text in texts) for claim in answer.claims)
        taken = tuple(timed.seconds[claim.text] for claim in answer.claims)
        rows.append(Row(question, answer, statements, _overlap(index, question, answer), copied, taken))
        if number % 10 == 0 or number == len(questions):
            print(f"{number} of {len(questions)} questions", flush=True)
    return rows


def _bare(text: str) -> str:
    """Letters and digits alone: spaces differ between articles and answers, and marks with them."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _overlap(index: Index, question: GoldQuestion, answer: Answer) -> Overlap | None:
    if answer.writing is None or not question.evidence:
        return None
    evidence = [
        spans_of(question.model_copy(update={"evidence": (one,), "alternative_sets": ()}), index.article)
        for one in question.evidence
    ]
    given = set(answer.writing.passages)
    read = [
        Place(passage.article_id, passage.start, passage.end)
        for article_id in sorted(question.documents)
        for passage in index.store.passages(index.store.keys(article_id)).values()
        if passage.passage_id in given
    ]
    return overlap(evidence, read, [Place(one.article.id, one.start, one.end) for one in answer.citations])


def page(rows: Sequence[Row], title: str, command: str, *, gold: bool) -> str:
    """The result page, in Markdown.

    Args:
        rows: what came of the questions.
        title: who wrote, on which questions.
        command: what reproduces it.
        gold: the known answers stood in for a model.
    """
    lines = [f"# {title}", "", f"    {command}", "", "## What was written", ""]
    lines += ["| | answerable | unanswerable |", "| --- | ---: | ---: |"]
    groups = [[row for row in rows if row.question.answerable is kind] for kind in (True, False)]
    for name, count in _COUNTS.items():
        lines.append(f"| {name} | {' | '.join(count(group) for group in groups)} |")
    milliseconds = [1e3 * seconds for row in rows for seconds in row.seconds]
    if milliseconds:
        middle, high = np.percentile(milliseconds, (50, 95))
        lines += ["", f"Verifying a claim took {middle:.1f} ms (median; p95 {high:.1f} ms)."]
    lines += ["", "## How it is cited", "", "| | | 95 % | |", "| --- | ---: | --- | ---: |"]
    lines += [_share(name, [measure(row) for row in rows]) for name, measure in _MEASURES.items()]
    lines += ["", "Intervals: bootstrap over questions.", "", "## What the figures mean", ""]
    return "\n".join([*lines, *_MEANING, *(_GOLD_MEANING if gold else ())]) + "\n"


Pair = tuple[int, int]


def _precise(row: Row) -> Pair:
    marks = [mark for one in row.statements for mark in one.precise]
    return sum(marks), len(marks)


def _recalled(*verdicts: Verdict) -> Callable[[Row], Pair]:
    return lambda row: (sum(one.verdict in verdicts for one in row.statements), len(row.statements))


def _of_overlap(pair: Callable[[Overlap], Pair], *, answered: bool = True) -> Callable[[Row], Pair]:
    """Of the answerable questions with an answer, or of all that were put to the writer."""

    def measure(row: Row) -> Pair:
        return pair(row.overlap) if row.overlap and (row.answered or not answered) else (0, 0)

    return measure


_MEASURES: dict[str, Callable[[Row], Pair]] = {
    "**by the verifier**: citation recall (claims shown that their citations support)": _recalled("supported"),
    "… at least partly": _recalled("supported", "partly"),
    "citation precision (citations of these that are needed, or suffice alone)": _precise,
    "**by the known evidence**: sentences cited that are right": _of_overlap(
        lambda one: (sum(one.right), len(one.right))
    ),
    "questions answered that have a right citation": _of_overlap(lambda one: (int(any(one.right)), 1)),
    "evidence sentences that are cited, of questions answered": _of_overlap(lambda one: (one.cited, one.evidence)),
    "… of all put to the writer": _of_overlap(lambda one: (one.cited, one.evidence), answered=False),
    "evidence sentences that the writer's passages hold": _of_overlap(
        lambda one: (one.read, one.evidence), answered=False
    ),
}


def _verdicts(verdict: Verdict) -> Callable[[Sequence[Row]], str]:
    return lambda rows: _part(sum(row.claims(verdict) for row in rows), sum(row.claims() for row in rows))


def _by_copy(*, copied: bool) -> Callable[[Sequence[Row]], str]:
    def count(rows: Sequence[Row]) -> str:
        pairs = [pair for row in rows if row.answer for pair in zip(row.answer.claims, row.copied, strict=True)]
        found = [claim.verdict == "supported" for claim, is_copy in pairs if is_copy is copied]
        return _part(sum(found), len(found))

    return count


def _recited(rows: Sequence[Row]) -> str:
    return str(sum(claim.recited for row in rows if row.answer for claim in row.answer.claims))


_COUNTS: dict[str, Callable[[Sequence[Row]], str]] = {
    "questions": lambda rows: str(len(rows)),
    "not put to the writer: the articles' own sentences do not answer them surely enough": lambda rows: _part(
        sum(row.answer is not None and not row.written for row in rows), len(rows)
    ),
    "no reply that can be used": lambda rows: str(sum(row.answer is None for row in rows)),
    "claims written": lambda rows: str(sum(row.claims() for row in rows)),
    **{verdict: _verdicts(verdict) for verdict in _VERDICTS},
    "supported, of claims that an article with the answer has word for word": _by_copy(copied=True),
    "… of claims in other words": _by_copy(copied=False),
    "cited anew (by other passages than those named)": _recited,
    "answers with any claim, of questions put to the writer": lambda rows: _part(
        sum(row.answered for row in rows), sum(row.written for row in rows)
    ),
}

_MEANING = (
    "- Recall and precision are ALCE's, over all claims shown rather than by answer. The judge is the project's own verifier, given the cited sentences",
    "  alone. It is the one that chose them, and shows no claim that it does not find supported, so these figures are near 1 by construction: they say that",
    "  two sentences at most stand for what was found in all passages, not that the claims are true. `claims.md` has how often the verifier errs.",
    "- The known evidence does not depend on the verifier: a cited sentence is right where it overlaps one that people marked. They marked sentences that",
    "  suffice; another that says the same counts as wrong.",
    "- At most two sentences are cited for a claim. One that is cited for several claims of an answer counts for each in precision by the verifier, and once",
    "  by the known evidence; answerable questions without known evidence are left out there.",
)
_GOLD_MEANING = (
    "- The claims are people's answers, thus taken to be true: the share supported is how much of good answers the verifier lets through. Many copy the",
    "  articles word for word, which is easy; others fuse several sentences into one, which a strict verifier drops. In the articles' text the tokens are",
    "  spaced apart, in answers often not. A model's answers would be in other words more often, and not all true.",
    "- They name no passages, so each claim that is supported counts as cited anew; and no unanswerable question gets a claim, whatever the verifier does.",
)


def _part(some: int, every: int) -> str:
    return f"{some} of {every} ({some / every:.0%})" if every else "0"


def _share(name: str, pairs: Sequence[Pair]) -> str:
    """A row of the table: the share over all questions, with its interval."""
    some, every = (np.array(counts, np.float64) for counts in zip(*pairs, strict=True))
    if not every.sum():
        return f"| {name} | – | | |"
    low, high = ratio_interval(some, every, _RESAMPLES)
    return f"| {name} | {some.sum() / every.sum():.3f} | {low:.3f}–{high:.3f} | {some.sum():.0f} of {every.sum():.0f} |"


def main() -> None:
    """Asks, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with corpus.jsonl and questions.jsonl")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the set's index")
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    parser.add_argument("--writer", default=_GOLD, help="who writes: the known answers, or a model as PROVIDER:NAME")
    parser.add_argument("--prompts", type=Path, help="folder of prompts; default: prompts")
    parser.add_argument("--limit", type=int, help="questions, always the same ones; default: all")
    parser.add_argument("--only", type=Path, help="file of ids: only these questions, one a line")
    arguments = parser.parse_args()
    settings = config.Settings(prompts=arguments.prompts)
    gold = arguments.writer == _GOLD
    limits = Limits(
        max_tokens=settings.llm_max_tokens,
        temperature=settings.llm_temperature,
        timeout=settings.llm_timeout,
        retries=settings.llm_retries,
    )
    model: LLM = GoldWriter() if gold else llm.load(arguments.writer, limits)
    chosen = set_of_folder(arguments.data)
    questions = sample(listed(load_questions(chosen.gold), arguments.only), arguments.limit)
    with open_index(chosen, settings, arguments.cache) as index:
        rows = ask_all(index, model, questions)
    model.close()
    given = [f"--writer {arguments.writer}"] if not gold else []
    given += [f"--{name} {value}" for name in ("prompts", "limit", "only") if (value := getattr(arguments, name))]
    places = [f"--data DEV_SETS/{chosen.name}", "--cache CACHE"]
    command = " ".join(["python eval/bench/alce.py", *places, *given, f"--out {arguments.out}"])
    title = f"Citations of {'the known answers' if gold else model.name}: {chosen.name}"
    arguments.out.write_text(page(rows, title, command, gold=gold), encoding="utf-8")


if __name__ == "__main__":
    main()
