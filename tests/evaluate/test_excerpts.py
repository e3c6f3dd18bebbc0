from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluate.excerpts import PUBLISHED, Range, cover, union

_RANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 20)).map(lambda r: (r[0], r[1], r[1] + r[2])),
    min_size=1,
    max_size=6,
)


def test_recall_precision_and_iou_by_hand() -> None:
    # 30 characters wanted, 20 of them retrieved by passages that are 100 and 50 long
    found = cover([("a", 0, 100), ("a", 200, 250)], [("a", 90, 110), ("a", 240, 250)])
    assert found == (20, 150, 10, 30)
    assert found.recall == pytest.approx(20 / 30)
    assert found.precision == pytest.approx(20 / 150)
    assert found.iou == pytest.approx(20 / 160)


def test_overlap_between_passages_costs_precision_and_counts_once_for_recall() -> None:
    found = cover([("a", 0, 100), ("a", 50, 150)], [("a", 60, 80)])
    assert (found.covered, found.retrieved, found.missed) == (20, 200, 0)
    assert found.recall == 1
    assert found.precision == pytest.approx(0.1)


def test_passages_of_other_documents_cost_precision_only() -> None:
    found = cover([("b", 0, 100)], [("a", 0, 100)])
    assert (found.recall, found.precision, found.iou) == (0, 0, 0)
    assert (found.retrieved, found.missed) == (100, 100)


def test_nothing_retrieved_is_nothing_covered() -> None:
    found = cover([], [("a", 0, 10)])
    assert (found.recall, found.precision, found.iou) == (0, 0, 0)


def test_ranges_that_overlap_or_touch_are_one() -> None:
    ranges: list[Range] = [("b", 0, 5), ("a", 10, 20), ("a", 0, 5), ("a", 5, 8), ("a", 15, 30), ("a", 16, 18)]
    assert union(ranges) == [("a", 0, 8), ("a", 10, 30), ("b", 0, 5)]


@given(_RANGES, _RANGES)
def test_against_sets_of_characters(passages: list[Range], excerpts: list[Range]) -> None:
    characters = [
        {(doc, at) for doc, start, end in ranges for at in range(start, end)} for ranges in (passages, excerpts)
    ]
    found = cover(passages, excerpts)
    assert found.covered == len(characters[0] & characters[1])
    assert found.retrieved == sum(end - start for _, start, end in passages)
    missed = sum(sum((doc, at) not in characters[0] for at in range(start, end)) for doc, start, end in excerpts)
    assert found.missed == missed


def test_the_published_table_has_the_rows_that_the_project_measures_itself_by() -> None:
    best = max(PUBLISHED, key=lambda row: row.recall)
    sharpest = max(PUBLISHED, key=lambda row: row.precision)
    assert (best.recall, best.precision) == (82.4, 3.6)
    assert (sharpest.recall, sharpest.precision) == (75.2, 7.2)
