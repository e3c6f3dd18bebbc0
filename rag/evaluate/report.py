"""A run as text and as JSON."""

from __future__ import annotations

from rag.evaluate.gate import Verdict
from rag.evaluate.metrics import by_kind, figures
from rag.evaluate.run import Run

_WIDTH = 30


def record(run: Run) -> dict[str, object]:
    """A run as JSON: its figures, and every outcome, which `--gate` compares."""
    return {"figures": figures(run), "run": run.model_dump()}


def table(run: Run) -> str:
    """The figures of a run, its kinds of question, and the questions that went wrong, as lines of text."""
    answerable = sum(result.answerable for result in run.results)
    lines = [
        f"{run.gold}: {answerable} answerable, {len(run.results) - answerable} unanswerable questions",
        f"abstains under {run.min_confidence:g}",
        f"{run.model}, index {run.digest[:12]}",
        "",
    ]
    for name, value in figures(run).items():
        shown = "–" if value is None else f"{value:.1f}" if name.endswith(" ms") else f"{value:.3f}"
        lines.append(f"{name:{_WIDTH}} {shown:>8}")
    lines.append("")
    lines += [f"{kind:{_WIDTH}} {right:>4}/{total}" for kind, (right, total) in sorted(by_kind(run).items())]
    wrong = [result for result in run.results if not result.correct]
    if wrong:
        lines += ["", "not as wanted:"]
        lines += [
            f"  {result.id} {'abstained' if result.abstained else 'answered '} {result.confidence:.2f}  {result.question}"
            for result in wrong
        ]
    return "\n".join(lines)


def verdict_lines(verdict: Verdict) -> list[str]:
    """What a gate found, as lines of text."""
    lines = ["", "against the baseline (difference, 95 % paired bootstrap interval):"]
    for change in verdict.changes:
        fell = "  FELL" if change.fell else ""
        lines.append(f"{change.name:{_WIDTH}} {change.difference:+.3f}  [{change.low:+.3f}, {change.high:+.3f}]{fell}")
    lines += [f"  better  {result.id}  {result.question}" for result in verdict.better]
    lines += [f"  worse   {result.id}  {result.question}" for result in verdict.worse]
    if verdict.incomparable:
        lines.append(f"{verdict.incomparable} questions are not in the baseline")
    lines.append("gate passed" if verdict.passed else "gate failed: a figure fell significantly")
    return lines
