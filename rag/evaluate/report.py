"""Runs as text, as Markdown and as JSON."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rag.evaluate.attribution import Spoken
from rag.evaluate.excerpts import PUBLISHED, PUBLISHED_SOURCE
from rag.evaluate.gate import Verdict
from rag.evaluate.metrics import HEADLINES, Figure, Figures, by_kind, figures, hidden_outcomes, outcomes
from rag.evaluate.outcome import Outcome
from rag.evaluate.run import Run
from rag.evaluate.verification import LOST, VERDICTS, Verified

SCHEMA = 2
_WIDTH = 30
_LISTED = 20
_COLUMNS, _FIRST = 80, 26


class Measured(NamedTuple):
    """A run with its figures."""

    run: Run
    figures: Figures


def measured(run: Run) -> Measured:
    """A run with its figures, which take a moment because of their intervals."""
    return Measured(run, figures(run))


def record(sets: Sequence[Measured]) -> dict[str, object]:
    """Runs as JSON: their figures, kinds and classes, and every outcome, which `--gate` and `--compare` read."""
    return {
        "schema": SCHEMA,
        "sets": [
            {
                "name": run.gold,
                "figures": {name: _rounded(figure) for name, figure in its.items()},
                "outcomes": outcomes(run),
                "off_collection": hidden_outcomes(run),
                "kinds": {
                    name: {"questions": kind.total, "as_wanted": kind.wanted, "outcomes": kind.outcomes}
                    for name, kind in by_kind(run).items()
                },
                "run": run.model_dump(mode="json"),
            }
            for run, its in sets
        ],
    }


def speech_record(spoken: Spoken) -> dict[str, object]:
    """The sentence-level extraction as JSON: its figures, and what was made of each sentence."""
    return {
        "name": spoken.name,
        "figures": {name: _rounded(figure) for name, figure in spoken.figures.items()},
        "sentences": [
            {"id": item.gold.id, "verdict": item.verdict, "speaker": item.speaker, "gold": item.gold.speaker}
            for item in spoken.heard
        ],
    }


def speech_table(spoken: Spoken) -> str:
    """The same as lines of text, and the sentences that went wrong."""
    verdicts = Counter(item.verdict for item in spoken.heard)
    lines = [f"{spoken.name}: {len(spoken.heard)} sentences", ""]
    lines += [
        f"{name:{_WIDTH}} {shown(name, figure.value):>8}  {_range(name, figure)}".rstrip()
        for name, figure in spoken.figures.items()
    ]
    lines += ["", *(f"{verdict:{_WIDTH}} {count:>8}" for verdict, count in verdicts.most_common())]
    wrong = [item for item in spoken.heard if item.verdict in {"wrong speaker", "invented"}]
    lines += ["", "wrongly attributed:"] if wrong else []
    lines += [f"  {item.gold.id}  {item.speaker}, not {item.gold.speaker or 'anybody'}" for item in wrong[:_LISTED]]
    if len(wrong) > _LISTED:
        lines.append(f"  … and {len(wrong) - _LISTED} more (--out and --report have all)")
    return "\n".join(lines)


def claims_table(verified: Verified) -> str:
    """The judged claims as lines of text of 80 columns at most: figures, verdicts, shares by kind, and false claims that were kept."""
    lines = [*_about_claims(verified), ""]
    lines += [
        f"{name:{_WIDTH + 2}} {shown(name, figure.value):>8}  {_range(name, figure)}".rstrip()
        for name, figure in verified.figures.items()
    ]
    for rows in (_verdict_rows(verified), _kind_rows(verified)):
        lines += ["", *_aligned(rows)]
    wrong = [one for one in verified.judged if one.row.label == "unsupported" and one.judgement.verdict == "supported"]
    lines += ["", "unsupported, but kept:"] if wrong else []
    lines += [
        _cut(f"  {row.id}  {judgement.support:.2f}  {row.kind}: {' '.join(row.claim.split())}")
        for row, judgement, _, _ in wrong[:_LISTED]
    ]
    if len(wrong) > _LISTED:
        lines.append(f"  … and {len(wrong) - _LISTED} more (--out has all)")
    return "\n".join(lines)


def claims_page(verified: Verified) -> str:
    """The judged claims as a section of a page of Markdown that holds figures and no claim."""
    about = _about_claims(verified)
    lines = [f"## {verified.name}", "", f"{about[0].partition(': ')[2]}. {about[1].capitalize()}.", ""]
    lines += ["| figure | value | 95 % interval |", "| --- | ---: | ---: |"]
    lines += [
        f"| {name} | {shown(name, figure.value)} | {_range(name, figure)} |"
        for name, figure in verified.figures.items()
    ]
    for heading, *rows in (_verdict_rows(verified), _kind_rows(verified)):
        lines += ["", f"| {' | '.join(heading)} |", "| --- |" + " ---: |" * (len(heading) - 1)]
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, ""])


def as_file(value: object, indent: str = "") -> str:
    """JSON as it is written to a file: indented, but one line a question and a figure, so that a difference shows what changed."""
    inner = indent + " "
    if isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values()):
        rows = [f"{json.dumps(key)}: {as_file(item, inner)}" for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        rows = [as_file(item, inner) if "run" in item else json.dumps(item, ensure_ascii=False) for item in value]
    else:
        return json.dumps(value, ensure_ascii=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(inner + row for row in rows) + f"\n{indent}{closing}"


def table(one: Measured) -> str:
    """The figures of a run with their intervals, its kinds of question and classes, and the questions that went wrong, as lines of text."""
    run, its = one
    lines = [*_about(run), ""]
    lines += [
        f"{name:{_WIDTH}} {shown(name, figure.value):>8}  {_range(name, figure)}".rstrip()
        for name, figure in its.items()
        if figure.value is not None
    ]
    if run.published:
        lines += ["", *_published_lines(run)]
    lines += ["", *(f"{outcome:{_WIDTH + 12}} {count:>5}" for outcome, count in outcomes(run).items())]
    hidden = hidden_outcomes(run)
    if hidden:
        lines += ["", "asked again without the articles that answer:"]
        lines += [f"{outcome:{_WIDTH + 12}} {count:>5}" for outcome, count in hidden.items()]
    lines += ["", "as wanted, by kind:"]
    lines += [f"{name:{_WIDTH}} {kind.wanted:>4}/{kind.total}" for name, kind in by_kind(run).items()]
    wrong = [result for result in run.results if result.judged and not result.correct]
    if wrong:
        lines += ["", "not as wanted:"]
        lines += [f"  {r.id}  {r.confidence:.2f}  {r.outcome}  {r.question}" for r in wrong[:_LISTED]]
        if len(wrong) > _LISTED:
            lines.append(f"  … and {len(wrong) - _LISTED} more (--out and --report have all)")
    return "\n".join(lines)


def overview(sets: Sequence[Measured]) -> str:
    """The headline figures of several runs beside each other."""
    width = max(len(run.gold) for run, _ in sets)
    lines = ["".ljust(_WIDTH) + "".join(f"  {run.gold:>{max(width, 7)}}" for run, _ in sets)]
    for name in HEADLINES:
        values = [its[name].value for _, its in sets]
        lines.append(f"{name:{_WIDTH}}" + "".join(f"  {shown(name, value):>{max(width, 7)}}" for value in values))
    return "\n".join(lines)


def summary(sets: Sequence[Measured]) -> str:
    """Runs as a page of Markdown that holds figures and no question."""
    lines = ["# Evaluation", ""]
    for run, its in sets:
        about = _about(run)
        lines += [f"## {run.gold}", "", f"{about[0].partition(': ')[2]}. {about[1].capitalize()}. {about[2]}.", ""]
        lines += ["| figure | value | 95 % interval |", "| --- | ---: | ---: |"]
        lines += [
            f"| {name} | {shown(name, figure.value)} | {_range(name, figure)} |"
            for name, figure in its.items()
            if figure.value is not None
        ]
        if run.published:
            lines += ["", *_published_markdown(one=Measured(run, its))]
        lines += ["", *_outcome_markdown(run), ""]
    return "\n".join(lines)


def verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """What a comparison found, as lines of text."""
    lines: list[str] = []
    for verdict in verdicts:
        lines += ["", f"{verdict.name} against the baseline (difference, 95 % paired bootstrap interval):"]
        for change in verdict.changes:
            mark = (
                "  FELL"
                if change.fell and change.watched
                else "  worse"
                if change.fell
                else "  better"
                if change.rose
                else ""
            )
            digits = 1 if change.name.endswith(" ms") else 3
            lines.append(
                f"{change.name:{_WIDTH}} {change.difference:+.{digits}f}  [{change.low:+.{digits}f}, {change.high:+.{digits}f}]{mark}"
            )
        for word, results in (("better", verdict.better), ("worse", verdict.worse)):
            lines += [f"  {word:7} {result.id}  {result.outcome}  {result.question}" for result in results]
        lines += [f"  changed {new.id}  {old.outcome} → {new.outcome}  {new.question}" for old, new in verdict.changed]
        if verdict.incomparable:
            lines.append(f"{verdict.incomparable} questions are not in the baseline")
    return lines


def gate_line(verdicts: Sequence[Verdict]) -> str:
    """Whether the gate passed."""
    fallen = [verdict.name for verdict in verdicts if not verdict.passed]
    return f"gate failed: a figure fell significantly ({', '.join(fallen)})" if fallen else "gate passed"


def shown(name: str, value: float | None) -> str:
    """A figure as text."""
    return "–" if value is None else f"{value:.1f}" if name.endswith(" ms") else f"{value:.3f}"


def _range(name: str, figure: Figure) -> str:
    return "" if figure.low is None else f"[{shown(name, figure.low)}, {shown(name, figure.high)}]"


def _rounded(figure: Figure) -> dict[str, float | None]:
    return {key: None if value is None else round(value, 4) for key, value in figure._asdict().items()}


def _about(run: Run) -> list[str]:
    answerable = sum(result.answerable for result in run.results)
    unjudged = sum(not result.judged for result in run.results)
    lines = [
        f"{run.gold}: {answerable} answerable, {len(run.results) - answerable} unanswerable questions",
        f"abstains under {run.min_confidence:g}",
        f"{run.articles} articles, {run.passages} passages, {run.model}, index {run.digest[:12]}",
    ]
    return [*lines, f"{unjudged} answerable without known evidence: not scored"] if unjudged else lines


def _about_claims(verified: Verified) -> list[str]:
    counts = ", ".join(f"{count} {label}" for label, count in verified.labels.items())
    articles = len({one.row.doc_id for one in verified.judged})
    sentences = statistics.median(one.sentences for one in verified.judged)
    return [
        f"{verified.name}: {counts} claims on {articles} articles",
        f"each held against all of its article, {sentences:g} sentences in the median",
    ]


def _verdict_rows(verified: Verified) -> list[tuple[str, ...]]:
    """How many claims of each label got each verdict."""
    rows = [(label, *map(str, counts.values())) for label, counts in verified.verdicts.items()]
    return [("label, verdicts", *VERDICTS), *rows]


def _kind_rows(verified: Verified) -> list[tuple[str, ...]]:
    """The share of each kind that is kept, or caught where it is unsupported: by the verdicts, and where a bound loses a tenth of the true."""
    bounds = [f"{100 * LOST:.0f} % of {name}" for name in verified.bounds]
    rows = [
        (
            f"{kind.label}: {kind.kind}",
            str(kind.claims),
            f"{kind.verdicts:.3f}",
            *(f"{share:.3f}" for share in kind.bounds.values()),
        )
        for kind in verified.kinds
    ]
    at = ("support, from", "", "", *(f"{bound:.3f}" for bound in verified.bounds.values()))
    return [("kept (unsupported: caught)", "claims", "verdict", *bounds), at, *rows]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines: the first cell to the left, the others to the right of their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{row[0]:{_FIRST}.{_FIRST}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else f"{line[: _COLUMNS - 1]}…"


def _published_lines(run: Run) -> list[str]:
    lines = [
        f"token-wise over the first {run.excerpt_passages} passages, in per cent, beside what {PUBLISHED_SOURCE}",
        "reports for all-MiniLM-L6-v2 (five passages, all 472 questions):",
        f"{'chunker':{_WIDTH}} {'size':>11} {'overlap':>8} {'recall':>7} {'prec.':>6} {'IoU':>5}",
    ]
    return lines + [
        f"{row.chunker:{_WIDTH}} {row.size:>11} {row.overlap:>8} {row.recall:>7.1f} {row.precision:>6.1f} {row.iou:>5.1f}"
        for row in PUBLISHED
    ]


def _published_markdown(one: Measured) -> list[str]:
    ours = [100 * (one.figures[name].value or 0.0) for name in ("token recall", "token precision", "token IoU")]
    lines = [
        f"Token-wise, in per cent, over the first {one.run.excerpt_passages} passages; below, what [the publishers]({PUBLISHED_SOURCE}) report for",
        "all-MiniLM-L6-v2 (five passages, all 472 questions; sizes and overlaps in cl100k tokens).",
        "",
        "| chunker | size | overlap | recall | precision | IoU |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        f"| **this index** | | | **{ours[0]:.1f}** | **{ours[1]:.1f}** | **{ours[2]:.1f}** |",
    ]
    return lines + [
        f"| {row.chunker} | {row.size} | {row.overlap} | {row.recall:.1f} | {row.precision:.1f} | {row.iou:.1f} |"
        for row in PUBLISHED
    ]


def _outcome_markdown(run: Run) -> list[str]:
    kinds = by_kind(run)
    present = [outcome for outcome in Outcome if any(kind.outcomes[outcome] for kind in kinds.values())]
    lines = [
        "| kind | questions | as wanted | " + " | ".join(present) + " |",
        "| --- |" + " ---: |" * (len(present) + 2),
    ]
    for name, kind in kinds.items():
        lines.append(
            f"| {name} | {kind.total} | {kind.wanted} | " + " | ".join(str(kind.outcomes[o]) for o in present) + " |"
        )
    hidden = hidden_outcomes(run)
    if hidden:
        said = "; ".join(f"{outcome}: {count}" for outcome, count in hidden.items())
        lines += ["", f"Asked again without the articles that answer: {said}."]
    return lines
