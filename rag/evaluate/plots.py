"""The two plots of a run: risk at each coverage, and reliability of the confidence. All sets as lines of one plot."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rag.evaluate.calibration import BINS, Bin, Floats, aurc, calibration_error, equal_width_bins, selective_risk
from rag.evaluate.columns import columns
from rag.evaluate.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Colours that people with any colour vision can tell apart (Okabe and Ito), on white as on black; the dashes differ as well."""
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
_MARKS = "os^DvP*"
_INK = "#1a1b1c"
_FEW = 10
_SIZE = (6.4, 4.4)
_DPI = 160
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#8888884d",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.hashsalt": "ask",
    "svg.fonttype": "none",
}


class Plot(NamedTuple):
    """A plot as files: `png` with a white ground; `svg` too; and `inline`, an SVG without ground that takes the colour of the text around it."""

    name: str
    png: bytes
    svg: str
    inline: str


class _Curve(NamedTuple):
    name: str
    confidence: Floats
    right: Floats
    threshold: float


def plots(runs: Sequence[Run]) -> list[Plot]:
    """The plots of some runs: `risk-coverage` and `reliability`."""
    curves = []
    for run in runs:
        data = columns(run)
        if len(data):
            curves.append(_Curve(run.gold, data["confidence"], data["right_quote"], run.min_confidence))
    with style():
        return [_drawn("risk-coverage", _risk_coverage(curves)), _drawn("reliability", _reliability(curves))]


def _risk_coverage(curves: Sequence[_Curve]) -> Figure:
    figure, axes = _figure()
    for number, curve in enumerate(curves):
        risk = selective_risk(curve.confidence, curve.right)
        coverage = np.arange(1, len(risk) + 1) / len(risk)
        area = aurc(curve.confidence, curve.right)
        first = min(_FEW, len(risk)) - 1
        axes.plot(coverage[first:], risk[first:], label=f"{curve.name} (AURC {area:.3f})", **line(number))
        given = int((curve.confidence >= curve.threshold).sum())
        if given:
            mark = _MARKS[number % len(_MARKS)]
            axes.plot(coverage[given - 1], risk[given - 1], mark, color=_colour(number), markersize=8, zorder=3)
    if curves:
        threshold = curves[0].threshold
        axes.plot([], [], "o", color=_INK, markersize=7, label=f"operating point (confidence ≥ {threshold:g})")
    axes.set_xlabel("coverage: share of questions answered, the surest first")
    axes.set_ylabel("risk: share of these whose first quote is wrong")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, None)
    _legend(figure)
    return figure


def _reliability(curves: Sequence[_Curve]) -> Figure:
    from matplotlib.figure import Figure as New

    figure = New(figsize=(_SIZE[0], _SIZE[1] + 1.2), layout="constrained")
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=(0, (2, 2)))
    below = np.zeros(BINS)
    for number, curve in enumerate(curves):
        binned = equal_width_bins(curve.confidence, curve.right)
        error = calibration_error(curve.confidence, curve.right)
        axes.plot(
            [part.confidence for part in binned],
            [part.accuracy for part in binned],
            label=f"{curve.name} (ECE {error:.3f})",
            **line(number),
        )
        for part in binned:
            _point(axes, part, number)
        heights = _heights(binned)
        edges = np.arange(BINS) / BINS
        counts.bar(edges + 0.5 / BINS, heights, width=0.92 / BINS, bottom=below, color=_colour(number))
        below = below + heights
    for place, total in zip((np.arange(BINS) + 0.5) / BINS, below, strict=True):
        counts.annotate(
            f"{int(total)}", (place, total), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_ylabel("share whose first quote is right")
    axes.set_ylim(0, 1)
    axes.set_xlim(0, 1)
    _legend(figure)
    counts.set_xlabel("confidence")
    counts.set_ylabel("questions")
    counts.set_ylim(0, max(1.0, float(below.max())) * 1.2)
    return figure


def _point(axes: Axes, part: Bin, number: int) -> None:
    """A bin; hollow where it holds few answers, so says little."""
    filled = _colour(number) if part.answers >= _FEW else "none"
    axes.plot(
        part.confidence,
        part.accuracy,
        _MARKS[number % len(_MARKS)],
        color=_colour(number),
        markerfacecolor=filled,
        markersize=6,
        clip_on=False,
        zorder=3,
    )


def _heights(binned: Sequence[Bin]) -> Floats:
    heights = np.zeros(BINS)
    for part in binned:
        heights[round(part.low * BINS)] = part.answers
    return heights


def _legend(figure: Figure) -> None:
    figure.legend(loc="outside upper left", ncols=2)


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure as New

    figure = New(figsize=_SIZE, layout="constrained")
    return figure, figure.subplots()


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def line(number: int) -> dict[str, Any]:
    """How the line of a number is drawn."""
    return {"color": _colour(number), "linestyle": _DASHES[number % len(_DASHES)], "linewidth": 1.8}


@contextmanager
def style() -> Iterator[None]:
    """Within it, figures are drawn in the style of the house."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def _drawn(name: str, figure: Figure) -> Plot:
    png, svg, inline = io.BytesIO(), io.StringIO(), io.StringIO()
    figure.savefig(png, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    figure.savefig(svg, format="svg", facecolor="white", metadata={"Date": None})
    figure.savefig(inline, format="svg", transparent=True, metadata={"Date": None})
    bare = inline.getvalue()
    bare = bare[bare.index("<svg") :].replace(_INK, "currentColor")
    return Plot(name, png.getvalue(), svg.getvalue(), _own_ids(bare, name))


def _own_ids(svg: str, name: str) -> str:
    """The SVG with ids of its own, so that two of them can stand in one page."""
    return svg.replace('id="', f'id="{name}-').replace('"#', f'"#{name}-').replace("url(#", f"url(#{name}-")
