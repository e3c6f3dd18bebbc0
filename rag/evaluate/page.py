"""A run as a page: one HTML file that needs nothing else, and its plots as PNG and SVG beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rag.evaluate.attribution import Spoken
from rag.evaluate.excerpts import PUBLISHED, PUBLISHED_SOURCE
from rag.evaluate.gate import Verdict
from rag.evaluate.metrics import HEADLINES, MEASURES, Figure, Figures, Kind, by_kind, hidden_outcomes, outcomes, worst
from rag.evaluate.outcome import Outcome
from rag.evaluate.plots import Plot, plots
from rag.evaluate.report import Measured, shown
from rag.evaluate.run import Result, Run, Said

_TEMPLATE = "page.html.j2"
_NONE = Said("", "", "")


class Reported(NamedTuple):
    """A run with its figures, and what was answered to each question by id."""

    measured: Measured
    said: Mapping[str, Said]


class _Section(NamedTuple):
    run: Run
    figures: list[tuple[str, str, str]]
    outcomes: list[tuple[Outcome, int, float]]
    hidden: list[tuple[Outcome, int, float]]
    kinds: Mapping[str, Kind]
    present: list[Outcome]
    worst: list[tuple[Result, Said]]
    unjudged: int


def write_page(
    folder: Path, sets: Sequence[Reported], *, verdicts: Sequence[Verdict] = (), spoken: Spoken | None = None
) -> Path:
    """Writes `index.html` and the plots into a folder, which is made if need be.

    Returns:
        The path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = plots([one.measured.run for one in sets]) if sets else []
    for plot in drawn:
        (folder / f"{plot.name}.png").write_bytes(plot.png)
        (folder / f"{plot.name}.svg").write_text(plot.svg, encoding="utf-8")
    page = folder / "index.html"
    page.write_text(html(sets, drawn, verdicts=verdicts, spoken=spoken), encoding="utf-8")
    return page


def html(
    sets: Sequence[Reported],
    drawn: Sequence[Plot],
    *,
    verdicts: Sequence[Verdict] = (),
    spoken: Spoken | None = None,
) -> str:
    """The page as text. Everything in it that comes from gold sets and articles is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["figure"] = lambda value, name: shown(name, value)
    return environment.get_template(_TEMPLATE).render(
        sections=[_section(one) for one in sets],
        headlines=[(name, [one.measured.figures[name] for one in sets]) for name in HEADLINES],
        lower_is_better={measure.name for measure in MEASURES if not measure.higher},
        plots={plot.name: plot.inline for plot in drawn},
        published=PUBLISHED,
        published_source=PUBLISHED_SOURCE,
        verdicts=verdicts,
        spoken=spoken,
        wrong_speakers=[item for item in spoken.heard if item.verdict in {"wrong speaker", "invented", "missed"}]
        if spoken
        else [],
        speech_figures=_shown(spoken.figures) if spoken else [],
    )


def _section(one: Reported) -> _Section:
    run, its = one.measured
    kinds = by_kind(run)
    return _Section(
        run=run,
        figures=_shown(its),
        outcomes=_shares(outcomes(run)),
        hidden=_shares(hidden_outcomes(run)),
        kinds=kinds,
        present=[outcome for outcome in Outcome if any(kind.outcomes[outcome] for kind in kinds.values())],
        worst=[(result, one.said.get(result.id, _NONE)) for result in worst(run)],
        unjudged=sum(not result.judged for result in run.results),
    )


def _shown(its: Figures) -> list[tuple[str, str, str]]:
    return [
        (name, shown(name, figure.value), _range(name, figure))
        for name, figure in its.items()
        if figure.value is not None
    ]


def _range(name: str, figure: Figure) -> str:
    return "" if figure.low is None else f"{shown(name, figure.low)} to {shown(name, figure.high)}"


def _shares(counted: Mapping[Outcome, int]) -> list[tuple[Outcome, int, float]]:
    total = sum(counted.values())
    return [(outcome, count, count / total) for outcome, count in counted.items()]
