"""The page and the plot of figures that are made by hand."""

from __future__ import annotations

import pytest

from rag.evaluate.scale import Built, Figures, Latency, Recall
from rag.evaluate.scale_memory import Memory
from rag.evaluate.scale_page import exponent, scale_page, scale_plot
from rag.store.manifest import DenseInfo

_MB = 1_000_000


def _figures(passages: int, **changes: object) -> Figures:
    made = Figures(
        passages=passages,
        articles=passages // 10,
        real=1_000,
        hybrid=Latency(p50=20, p99=40, questions=300),
        filtered=Latency(p50=30, p99=60, questions=300),
        kept=0.05,
        full=1,
        exact=Recall(recall=0.995, first=0.6, tenth=0.5),
        exact_filtered=Recall(recall=0.99, first=0.5, tenth=0.4),
        memory=Memory(
            opened=80 * _MB,
            searched=200 * _MB,
            asked=250 * _MB,
            peak=300 * _MB,
            anonymous=150 * _MB,
            mapped=100 * _MB,
        ),
        cold=(0.5, 0.7, 0.6),
        added=(0.2, 0.3, 0.4),
        removed=(0.1,),
        disk={"catalog": passages * 7_000, "dense": passages * 1_500, "terms": passages * 500, "manifest": 900},
        opened=0.01,
        built=Built(passages=passages, made=1, wrote=passages / 1_000, synced=passages / 500),
        dense=DenseInfo(kind="ivf", lists=1_024, probes=32, recall=0.99),
    )
    return made.model_copy(update=changes)


def test_the_page_holds_the_figures_against_what_they_must_reach() -> None:
    page = scale_page([_figures(10_000), _figures(1_000_000)], "Articles of `news`.")
    rows = [line for line in page.splitlines() if line.endswith(("| met |", "| not met |"))]
    assert rows == [
        "| query p50 / p99, warm, hybrid, k = 10, filters off | ≤ 50 / 150 ms | 20 / 40 ms | met |",
        "| the same with a date filter that keeps 5%, p50 | ≤ 80 ms | 30 ms | met |",
        "| k results when k exist, with that filter | always | 100.0% of 300 questions | met |",
        "| recall@10 of the dense index against exact, filters off / on | ≥ 0.98 | 0.995 / 0.990 | met |",
        "| resident memory of a querying process, at most | ≤ 1.0 GB | 0.30 GB | met |",
        "| cold `ask`, whole process, median | ≤ 2.0 s | 0.60 s | met |",
        "| adding one article, model load aside, median / worst | ≤ 1.0 s | 0.30 / 0.40 s | met |",
    ]
    assert page.startswith("# Scale\n")
    assert "Articles of `news`. 1,000 passages are real" in page
    assert "| dense index | ivf, 32 of 1,024 lists | ivf, 32 of 1,024 lists |" in page
    assert "| of it dense, MB | 15.0 | 1,500.0 |" in page
    assert "manifest" not in page


@pytest.mark.parametrize(
    "changes",
    [
        {"hybrid": Latency(p50=20, p99=151, questions=300)},
        {"hybrid": Latency(p50=51, p99=100, questions=300)},
        {"filtered": Latency(p50=81, p99=100, questions=300)},
        {"full": 0.997},
        {"exact": Recall(recall=0.97, first=0.6, tenth=0.5)},
        {"exact_filtered": Recall(recall=0.97, first=0.6, tenth=0.5)},
        {"cold": (2.1,)},
        {"added": (1.1,)},
        {"memory": None},
    ],
)
def test_what_is_missed_is_said(changes: dict[str, object]) -> None:
    assert scale_page([_figures(10_000, **changes)], "").count("| not met |") == 1


def test_the_page_says_how_each_figure_grows() -> None:
    larger = _figures(1_000_000, hybrid=Latency(p50=2_000, p99=4_000, questions=300), removed=(100.0,))
    lines = [line for line in scale_page([_figures(10_000), larger], "").splitlines() if line.startswith("- **")]
    assert len(lines) == 9
    assert lines[0].startswith("- **query p50** grows in proportion (exponent 1.00): ")
    assert lines[0].endswith("**That is faster than it should be.**")
    assert "**query p50 with a filter** does not grow (exponent 0.00)" in lines[1]
    assert "**disk** grows in proportion (exponent 1.00)" in lines[3]
    assert not lines[3].endswith("**That is faster than it should be.**")
    assert "**removing one article** grows faster than the index (exponent 1.50)" in lines[7]


def test_one_size_tells_nothing_of_growth() -> None:
    assert "One size tells nothing of growth." in scale_page([_figures(10_000)], "")
    assert exponent([_figures(10_000), _figures(10_000)], lambda one: one.opened) is None


def test_what_is_not_known_is_left_out() -> None:
    known, unknown = _figures(10_000), _figures(100_000, memory=None, built=None)
    page = scale_page([known, unknown], "")
    assert "| memory at most, MB | 300 | – |" in page
    assert "| writing / syncing these, s | 10.0 / 20.0 | – |" in page
    assert "**memory of a querying process**" not in page
    assert scale_plot([known, unknown]).startswith(b"\x89PNG")


def test_the_plot_is_the_same_each_time() -> None:
    sizes = [_figures(500), _figures(10_000), _figures(1_000_000)]
    assert scale_plot(sizes) == scale_plot(sizes)
