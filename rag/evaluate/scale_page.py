"""What was measured at each size as a page of Markdown and as a plot: against what it must reach, and how it grows."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rag.evaluate.bench import machine
from rag.evaluate.plots import line, style
from rag.evaluate.scale import SHARE, Figures, K
from rag.evaluate.scale_corpus import PASSAGE_NOISE, SENTENCE_NOISE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MB, _GB = 1e6, 1e9
_FLAT, _SLOWER, _EVEN = 0.15, 0.85, 1.15
"""Exponents up to which a figure does not grow, grows more slowly than the index, grows in proportion."""
_NONE = "–"
_SIZE = (9.6, 6.8)
_DPI = 140
_SPAN = 30
"""How many times as high as the lowest the highest value of an axis is at least."""


class _Must(NamedTuple):
    name: str
    must: str
    shown: Callable[[Figures], str]
    met: Callable[[Figures], bool]


class _Growth(NamedTuple):
    """A figure, how fast it may grow (as an exponent of the size), and why."""

    name: str
    value: Callable[[Figures], float]
    most: float
    why: str


def _build_rate(one: Figures) -> float:
    """Seconds of writing and syncing for 1,000 passages."""
    return 1e3 * (one.built.wrote + one.built.synced) / one.built.passages if one.built else np.nan


_MUSTS = (
    _Must(
        f"query p50 / p99, warm, hybrid, k = {K}, filters off",
        "≤ 50 / 150 ms",
        lambda one: f"{one.hybrid.p50:.0f} / {one.hybrid.p99:.0f} ms",
        lambda one: one.hybrid.p50 <= 50 and one.hybrid.p99 <= 150,  # noqa: PLR2004 - said in the row
    ),
    _Must(
        f"the same with a date filter that keeps {SHARE:.0%}, p50",
        "≤ 80 ms",
        lambda one: f"{one.filtered.p50:.0f} ms",
        lambda one: one.filtered.p50 <= 80,  # noqa: PLR2004
    ),
    _Must(
        "k results when k exist, with that filter",
        "always",
        lambda one: f"{one.full:.1%} of {one.filtered.questions} questions",
        lambda one: one.full == 1,
    ),
    _Must(
        f"recall@{K} of the dense index against exact, filters off / on",
        "≥ 0.98",
        lambda one: f"{one.exact.recall:.3f} / {one.exact_filtered.recall:.3f}",
        lambda one: min(one.exact.recall, one.exact_filtered.recall) >= 0.98,  # noqa: PLR2004
    ),
    _Must(
        "resident memory of a querying process, at most",
        "≤ 1.0 GB",
        lambda one: f"{one.memory.peak / _GB:.2f} GB" if one.memory else _NONE,
        lambda one: one.memory is not None and one.memory.peak <= _GB,
    ),
    _Must(
        "cold `ask`, whole process, median",
        "≤ 2.0 s",
        lambda one: f"{statistics.median(one.cold):.2f} s",
        lambda one: statistics.median(one.cold) <= 2,  # noqa: PLR2004
    ),
    _Must(
        "adding one article, model load aside, median / worst",
        "≤ 1.0 s",
        lambda one: f"{statistics.median(one.added):.2f} / {max(one.added):.2f} s",
        lambda one: statistics.median(one.added) <= 1,
    ),
)

_GROWTHS = (
    _Growth(
        "query p50",
        lambda one: one.hybrid.p50,
        _SLOWER,
        "words and vectors are looked up in indexes, of which a question reads a part; the candidates that are then looked at do not become more",
    ),
    _Growth(
        "query p50 with a filter",
        lambda one: one.filtered.p50,
        _SLOWER,
        "the same, and the passages of the days asked for are told apart once",
    ),
    _Growth(
        "memory of a querying process",
        lambda one: one.memory.asked if one.memory else np.nan,
        _EVEN,
        "the model and the libraries do not grow; the compressed vectors do, and so do the pages of the catalog and the word index that questions touch",
    ),
    _Growth(
        "disk", lambda one: sum(one.disk.values()), _EVEN, "each passage brings its text, its vectors and its words"
    ),
    _Growth(
        "cold `ask`",
        lambda one: statistics.median(one.cold),
        _FLAT,
        "files are mapped and not read, so starting costs what it costs on an empty index",
    ),
    _Growth("opening", lambda one: one.opened, _SLOWER, "files are mapped and not read"),
    _Growth(
        "adding one article",
        lambda one: statistics.median(one.added),
        _FLAT,
        "what is written is what is added; structures that exist are appended to",
    ),
    _Growth("removing one article", lambda one: statistics.median(one.removed), _FLAT, "its rows are struck out"),
    _Growth(
        "building 1,000 passages",
        _build_rate,
        _SLOWER,
        "a batch costs what is in it; now and then segments are joined, and the vectors' lists are trained anew",
    ),
)


def scale_page(figures: Sequence[Figures], corpus: str) -> str:
    """The figures of some sizes as a page.

    Args:
        figures: of at least one size, smallest first.
        corpus: what it was made from, in words.
    """
    largest = figures[-1]
    sizes = _listed([f"{one.passages:,}" for one in figures])
    asked = largest.hybrid.questions
    how = f"One index, grown to {sizes} passages and measured at each size; {asked} distinct questions, each timed once, after a warm-up."
    made = (
        f"{corpus} {largest.real:,} passages are real, with the model's own vectors; the articles of the others are made of runs of sentences of real ones,"
        " shuffled, some left out, some taken from a second article. Their vectors are perturbed: a sentence's is the real one with noise of"
        f" length {SENTENCE_NOISE}, a passage's the mean of its sentences' with noise of length {PASSAGE_NOISE}. Dates and outlets are made up;"
        f" the filter keeps {largest.kept:.1%} of the passages."
    )
    musts = [
        f"| {row.name} | {row.must} | {row.shown(largest)} | {'met' if row.met(largest) else 'not met'} |"
        for row in _MUSTS
    ]
    return "\n".join(
        [
            "# Scale",
            "",
            how,
            machine(),
            "",
            f"| figure | must, at 1,000,000 passages | measured, at {largest.passages:,} | |",
            "| --- | --- | --- | --- |",
            *musts,
            "",
            "## The corpus",
            "",
            made,
            "",
            "## At each size",
            "",
            *_sizes(figures),
            "",
            "## How it grows",
            "",
            *_grown(figures),
        ]
    )


def exponent(figures: Sequence[Figures], value: Callable[[Figures], float]) -> float | None:
    """The exponent with which a figure grows with the passages, by least squares on logarithms; None where fewer than two sizes have it."""
    points = [(one.passages, value(one)) for one in figures]
    points = [(size, found) for size, found in points if np.isfinite(found) and found > 0]
    if len({size for size, _ in points}) < 2:  # noqa: PLR2004 - a line needs two points
        return None
    sizes, found = np.log(np.array(points)).T
    return float(np.polyfit(sizes, found, 1)[0])


def scale_plot(figures: Sequence[Figures]) -> bytes:
    """Latency, memory, disk, and the time of adding, each against passages on logarithmic axes, as a PNG."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        latency, memory, disk, adding = figure.subplots(2, 2).flat
        _panel(
            latency,
            figures,
            "milliseconds a query",
            {
                "hybrid p50": lambda one: one.hybrid.p50,
                "hybrid p99": lambda one: one.hybrid.p99,
                f"{SHARE:.0%} filter p50": lambda one: one.filtered.p50,
                f"{SHARE:.0%} filter p99": lambda one: one.filtered.p99,
            },
        )
        _panel(
            memory,
            figures,
            "MB in memory of a querying process",
            {
                "at most": lambda one: one.memory.peak / _MB if one.memory else np.nan,
                "its own": lambda one: one.memory.anonymous / _MB if one.memory else np.nan,
                "mapped files": lambda one: one.memory.mapped / _MB if one.memory else np.nan,
            },
        )
        groups = _groups(figures)
        _panel(
            disk,
            figures,
            "MB on disk",
            {name: lambda one, name=name: one.disk.get(name, 0) / _MB or np.nan for name in groups},  # type: ignore[misc]
        )
        _panel(
            adding,
            figures,
            "seconds",
            {
                "add one article, median": lambda one: statistics.median(one.added),
                "add one article, worst": lambda one: max(one.added),
                "build 1,000 passages": _build_rate,
                "cold ask": lambda one: statistics.median(one.cold),
            },
        )
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return drawn.getvalue()


def _panel(axes: Axes, figures: Sequence[Figures], label: str, curves: dict[str, Callable[[Figures], float]]) -> None:
    from matplotlib.ticker import LogLocator

    sizes = [one.passages for one in figures]
    for number, (name, value) in enumerate(curves.items()):
        axes.plot(sizes, [value(one) for one in figures], marker="osvD"[number % 4], label=name, **line(number))
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < _SPAN * low:  # so that what does not grow looks as if it does not
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / _SPAN**0.5, middle * _SPAN**0.5)
    axes.set_xticks(sizes, [_short(size) for size in sizes], minor=False)
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("passages")
    axes.set_ylabel(label)
    axes.legend(fontsize=8)


def _short(size: int) -> str:
    if size < 1_000:  # noqa: PLR2004 - what k and M stand for
        return str(size)
    number, unit = (size / 1e3, "k") if size < 1_000_000 else (size / 1e6, "M")  # noqa: PLR2004
    return f"{round(number, 1):g} {unit}"


def _sizes(figures: Sequence[Figures]) -> list[str]:
    rows: dict[str, Callable[[Figures], str]] = {
        "articles": lambda one: f"{one.articles:,}",
        "query p50 / p99 ms": lambda one: f"{one.hybrid.p50:.1f} / {one.hybrid.p99:.1f}",
        "with the filter p50 / p99 ms": lambda one: f"{one.filtered.p50:.1f} / {one.filtered.p99:.1f}",
        "questions with k results, filtered": lambda one: f"{one.full:.1%}",
        "dense index": _dense,
        "recall, measured when it was made": lambda one: f"{one.dense.recall:.3f}",
        f"recall@{K}, filters off": lambda one: f"{one.exact.recall:.4f}",
        f"recall@{K}, filtered": lambda one: f"{one.exact_filtered.recall:.4f}",
        "mean cosine of the nearest / the tenth": lambda one: f"{one.exact.first:.3f} / {one.exact.tenth:.3f}",
        "memory at most, MB": lambda one: f"{one.memory.peak / _MB:,.0f}" if one.memory else _NONE,
        "after opening / searches / questions": lambda one: (
            " / ".join(f"{size / _MB:,.0f}" for size in (one.memory.opened, one.memory.searched, one.memory.asked))
            if one.memory
            else _NONE
        ),
        "of the last its own / mapped files": lambda one: (
            f"{one.memory.anonymous / _MB:,.0f} / {one.memory.mapped / _MB:,.0f}" if one.memory else _NONE
        ),
        "cold `ask` median / slowest s": lambda one: f"{statistics.median(one.cold):.2f} / {max(one.cold):.2f}",
        "opening, ms": lambda one: f"{1e3 * one.opened:.1f}",
        "adding one article, median / worst s": lambda one: (
            f"{statistics.median(one.added):.3f} / {max(one.added):.3f}"
        ),
        "removing one article, median / worst s": lambda one: (
            f"{statistics.median(one.removed):.3f} / {max(one.removed):.3f}"
        ),
        "disk, MB": lambda one: f"{sum(one.disk.values()) / _MB:,.0f}",
        **{
            f"of it {name}, MB": lambda one, name=name: f"{one.disk.get(name, 0) / _MB:,.1f}"  # type: ignore[misc]
            for name in _groups(figures)
        },
        "built since the size before, passages": lambda one: f"{one.built.passages:,}" if one.built else _NONE,
        "writing / syncing these, s": lambda one: (
            f"{one.built.wrote:.1f} / {one.built.synced:.1f}" if one.built else _NONE
        ),
        "making them up, s": lambda one: f"{one.built.made:.1f}" if one.built else _NONE,
    }
    head = " | ".join(f"{one.passages:,}" for one in figures)
    return [
        f"| passages | {head} |",
        f"| --- |{' ---: |' * len(figures)}",
        *(f"| {name} | {' | '.join(shown(one) for one in figures)} |" for name, shown in rows.items()),
    ]


def _grown(figures: Sequence[Figures]) -> list[str]:
    lines = []
    for growth in _GROWTHS:
        found = exponent(figures, growth.value)
        if found is None:
            continue
        verdict = "" if found <= growth.most else " **That is faster than it should be.**"
        lines.append(f"- **{growth.name}** {_in_words(found)} (exponent {found:.2f}): {growth.why}.{verdict}")
    return lines or ["One size tells nothing of growth."]


def _in_words(found: float) -> str:
    if found <= _FLAT:
        return "does not grow"
    if found <= _SLOWER:
        return "grows more slowly than the index"
    return "grows in proportion" if found <= _EVEN else "grows faster than the index"


def _dense(one: Figures) -> str:
    if one.dense.kind == "exact":
        return "exact"
    return f"{one.dense.kind}, {one.dense.probes} of {one.dense.lists:,} lists"


def _groups(figures: Sequence[Figures]) -> list[str]:
    """The groups of files, the largest first."""
    sizes = figures[-1].disk
    return [name for name in sorted(sizes, key=lambda name: -sizes[name]) if sizes[name] > _MB / 20]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
