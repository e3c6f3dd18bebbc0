from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingest import lines

_NEWLINES = {1: b"\n", 2: b"\n\0", 4: b"\0\0\0\n"}


@pytest.mark.parametrize("width", _NEWLINES)
@given(data=st.data())
def test_lines_are_those_between_the_ends(width: int, data: st.DataObject) -> None:
    newline = _NEWLINES[width]
    byte = st.sampled_from([0, 10, 65])
    unit = st.lists(byte, min_size=width, max_size=width).map(bytes).filter(lambda one: one != newline)
    expected = data.draw(st.lists(st.lists(unit, max_size=4).map(b"".join), min_size=1, max_size=6))
    block = data.draw(st.integers(1, 9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        found = list(lines.split(io.BytesIO(newline.join(expected)), newline, 1e9))
        limit = data.draw(st.integers(0, 4 * width))
        cut = list(lines.split(io.BytesIO(newline.join(expected)), newline, limit))
    last = expected[-1:] if expected[-1] else []  # after the last end there is no line
    assert found == expected[:-1] + last
    assert cut == [line if len(line) <= limit else None for line in expected[:-1] + last]
