"""The measures of `eval/bench/alce.py`: what makes a citation precise or right, and the stand-in for a model."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import numpy as np
import pytest

from rag import resources
from rag.answer.verify import Judgement, Source
from rag.evaluate.gold import GoldQuestion, Place
from rag.types import Article, Sentence


@pytest.fixture(scope="module")
def alce() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("alce", resources.resource("eval") / "bench" / "alce.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["alce"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["alce"]


def _sources(*texts: str) -> list[Source]:
    return [
        Source(Article(id=text, text=text), Sentence(start=0, end=len(text)), np.zeros(3, np.float32)) for text in texts
    ]


def _by_words(claim: str, sources: Sequence[Source]) -> Judgement:
    """All words of a claim: supported; some of them: partly."""
    wanted = set(claim.split())
    found = wanted & {word for source in sources for word in source.text.split()}
    if found == wanted:
        return Judgement("supported", 1.0, ())
    return Judgement("partly" if found else "unsupported", 0.0, ())


@pytest.mark.parametrize(
    ("cited", "verdict", "precise"),
    [
        (["ferry sank"], "supported", (True,)),
        (["ferry", "sank"], "supported", (True, True)),
        (["ferry sank", "harbour"], "supported", (True, False)),
        (["ferry sank", "sank ferry"], "supported", (True, True)),
        (["ferry", "sank", "ferry"], "supported", (False, True, False)),
        (["ferry"], "partly", (False,)),
        (["harbour"], "unsupported", (False,)),
        ([], "unsupported", ()),
    ],
)
def test_a_citation_is_precise_where_it_suffices_or_is_needed(
    alce: ModuleType, cited: list[str], verdict: str, precise: tuple[bool, ...]
) -> None:
    assert alce.statement("ferry sank", _sources(*cited), _by_words) == (verdict, precise)


def test_citations_are_right_where_they_share_a_character_with_the_evidence(alce: ModuleType) -> None:
    evidence = [[Place("a", 10, 20), Place("b", 0, 10)], [Place("a", 40, 50)], [Place("a", 90, 95)]]
    read = [Place("a", 0, 60)]
    cited = [Place("b", 9, 30), Place("a", 20, 40), Place("a", 45, 47), Place("c", 40, 50)]

    found = alce.overlap(evidence, read, cited)

    assert found.right == (True, False, True, False)
    assert (found.evidence, found.read, found.cited) == (3, 2, 2)


def test_the_stand_in_replies_with_the_first_answer_sentence_by_sentence(alce: ModuleType) -> None:
    writer = alce.GoldWriter()
    writer.asked = GoldQuestion(
        id="q", question="What sank?", answers=("The ferry sank . Nobody was hurt .", "A ferry ."), answerable=True
    )

    (piece,) = writer.stream([])

    assert json.loads(piece.text) == {
        "claims": [{"text": "The ferry sank .", "passages": []}, {"text": "Nobody was hurt .", "passages": []}]
    }
    assert piece.stop == "end"


def test_the_stand_in_has_no_claim_where_there_is_no_answer(alce: ModuleType) -> None:
    writer = alce.GoldWriter()
    writer.asked = GoldQuestion(id="q", question="What sank?", answers=("The ferry .",), answerable=False)

    assert [json.loads(piece.text) for piece in writer.stream([])] == [{"claims": []}]
