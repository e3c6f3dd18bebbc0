"""Claims that the sentences tell are supported, also in other words; changed ones are not, and it is said what they lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import sentences
from rag.answer.verify import FactVerifier, Judgement, Source, Verifier
from rag.answer.verify.verifier import joined, misquoted, support
from rag.config import Settings
from rag.embed import OnnxEmbedder
from rag.index import Index
from rag.rerank import RerankerInfo, Scores
from rag.types import Article
from tests.conformance import verifier as conformance

BRIDGE = Article(
    id="bridge",
    title="Skelmoor votes for a bridge",
    source="Lode Courier",
    published="2026-10-14",
    text=(
        "The council of Skelmoor voted on Tuesday to build a new bridge over the river Lode. "
        "Construction will cost 48 million crowns and begin in March 2027. "
        "Mayor Edda Quarl said the bridge would halve the journey to Port Annick. "
        "Fishermen fear for their moorings below the cliffs. "
        "“The plan will ruin the fleet,” harbour master Jonas Tweel said. "
        "The old bridge did not survive the flood of last winter, which swept away three piers. "
        "About 1,234,500 people crossed it every year, and twelve ferries have taken its place. "
        "Quarl defeated Anton Brisk in the election of 2022."
    ),
)
SALT = Article(
    id="salt",
    title="Salt prices rise in Orrin",
    source="Tamber Gazette",
    published="2026-09",
    text=(
        "Salt prices rose by 15 per cent in Orrin after the mines of Tamber closed. "
        "Minister Ilse Vorn refused to lift the tariff before the spring. "
        "Half of the miners have found other work, the union said. "
        "The pit opened in 1874 and employed 640 people."
    ),
)
OTHERS = (
    "The orchestra of Marrowby played to a full hall on Friday. Its conductor bowed four times.",
    "Snow fell on the passes above Kelder, and two roads were shut. Drivers were told to carry chains.",
    "A museum of clocks will open in Fennick this summer. Admission costs 6 crowns.",
    "The football club Dunmere Rovers sold its captain to Halse United. Fans protested outside the ground.",
    "Wheat farmers in Orrin expect a good harvest. Rain came late and the fields are green.",
    "The school board of Wendle hired eleven teachers. Parents welcomed the decision.",
)
"""Articles that are in the index alone: they make words common or rare."""

TRUE = (
    "Skelmoor's council voted on Tuesday for building a new bridge over the Lode.",
    "On Tuesday, the council of Skelmoor voted to build a new bridge over the river Lode.",
    "Construction of the bridge will begin in March 2027 and cost 48 million crowns.",
    "Construction will cost forty-eight million crowns and begin in March 2027.",
    "Edda Quarl, the mayor, said the bridge would halve the journey to Port Annick.",
    "Jonas Tweel said the plan will ruin the fleet.",
    "“The plan will ruin the fleet,” said harbour master Jonas Tweel.",
    "12 ferries have taken its place, and about 1.2 million people crossed it every year.",
    "The old bridge did not survive the flood of last winter.",
    "In the election of 2022, Quarl defeated Anton Brisk.",
    "After the mines of Tamber closed, salt prices in Orrin rose by fifteen percent.",
    "Ilse Vorn refused to lift the tariff before the spring.",
    "The union said half of the miners have found other work.",
    "The pit opened in 1874 and employed 640 people.",
)
WRONG = (  # what was changed, the claim, and what the reasons name
    ("number", "Construction will cost 84 million crowns and begin in March 2027.", "84 million"),
    ("number", "Salt prices rose by 12 per cent in Orrin after the mines of Tamber closed.", "12 per cent"),
    ("number", "The pit opened in 1874 and employed 650 people.", "650"),
    ("scale", "Construction will cost 48 billion crowns and begin in March 2027.", "48 billion"),
    ("year", "Construction will cost 48 million crowns and begin in March 2028.", "2028"),
    ("year", "The pit opened in 1884 and employed 640 people.", "1884"),
    ("month", "Construction will cost 48 million crowns and begin in April 2027.", "April"),
    ("day", "The council of Skelmoor voted on Friday to build a new bridge over the river Lode.", "Friday"),
    ("name", "Mayor Ilse Vorn said the bridge would halve the journey to Port Annick.", "Vorn"),
    ("name", "Quarl defeated Odo Lanz in the election of 2022.", "Lanz"),
    ("place", "The council of Wendle voted on Tuesday to build a new bridge over the river Lode.", "Wendle"),
    ("place", "Mayor Edda Quarl said the bridge would halve the journey to Tamber.", "Tamber"),
    ("negation", "The council of Skelmoor did not vote on Tuesday to build a new bridge.", "a negation"),
    ("negation", "The old bridge survived the flood of last winter.", "a negation"),
    ("opposite", "Salt prices fell by 15 per cent in Orrin after the mines of Tamber closed.", "an opposite"),
    ("speaker", "Mayor Edda Quarl said the plan will ruin the fleet.", "Quarl as the speaker"),
    ("speaker", "Anton Brisk said the plan will ruin the fleet.", "Brisk as the speaker"),
    ("roles", "Anton Brisk defeated Edda Quarl in the election of 2022.", "in that role"),
)
NOWHERE = (
    ("Construction will cost 48 million crowns and employ 350 people.", "350"),
    ("The council of Skelmoor voted on Tuesday to build 17 bridges over the river Lode.", "17"),
    ("Minister Ilse Vorn refused to lift the tariff before the spring of 2031.", "2031"),
    ("The council of Skelmoor in Hexley voted on Tuesday to build a new bridge over the river Lode.", "Hexley"),
)
"""Claims with a number or a name that stands in no sentence."""
PIECES = (
    *(
        "the council",
        "Edda Quarl",
        "Anton Brisk",
        "said",
        "“The plan”",
        "did not",
        "never",
        "48 million",
        "1874",
        "2026/27",
    ),
    *(
        "rose",
        "fell",
        "half of",
        "in March",
        "on Tuesday",
        ".",
        ",",
        "U.S.",
        "it’s",
        "\n",
        "中国",
        "🙂",
        "\x00",
        "%",
        "NO",
    ),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: OnnxEmbedder) -> Iterator[Index]:
    """A small index, in which words are common or rare."""
    folder = tmp_path_factory.mktemp("verifier") / "index"
    with Index.create(folder, settings=Settings(), embedder=embedder) as made:
        made.add([BRIDGE, SALT, *(Article(id=f"other{n}", text=text) for n, text in enumerate(OTHERS))])
        yield made


@pytest.fixture(scope="module")
def verifier(index: Index) -> FactVerifier:
    return FactVerifier(index.store, index.embedder)


@pytest.fixture(scope="module")
def sources(embedder: OnnxEmbedder) -> list[Source]:
    """The sentences of both articles."""
    listed: list[Source] = []
    for number, article in enumerate((BRIDGE, SALT), start=1):
        its = sentences.split(article.text)
        rows = embedder.encode([article.text[one.start : one.end] for one in its])
        listed += [Source(article, one, row, (number,)) for one, row in zip(its, rows, strict=True)]
    return listed


def _reasons(judged: Judgement) -> str:
    return "; ".join(judged.reasons)


class Affirms:
    """An entailment model that has no doubts."""

    info = RerankerInfo(name="affirms", sha256="0" * 64, max_tokens=512)

    def score(self, premise: str, claims: Sequence[str]) -> Scores:
        return np.ones(len(claims), np.float32)


@pytest.mark.parametrize("entailment", [None, Affirms()], ids=["alone", "with entailment"])
@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_conforms(
    check: Callable[[Verifier, Sequence[Source]], None], entailment: Affirms | None, index: Index
) -> None:
    check(FactVerifier(index.store, index.embedder, entailment), conformance.sources(index.embedder))


def test_a_verbatim_sentence_is_supported_by_itself_alone(verifier: FactVerifier, sources: list[Source]) -> None:
    for source in sources:
        judged = verifier.judge(source.text, sources)
        assert (judged.verdict, judged.sources, judged.reasons) == ("supported", (source,), ())


@pytest.mark.parametrize("claim", TRUE)
def test_a_claim_in_other_words_is_supported(claim: str, verifier: FactVerifier, sources: list[Source]) -> None:
    judged = verifier.judge(claim, sources)
    assert (judged.verdict, judged.reasons) == ("supported", ())
    assert judged.sources


@pytest.mark.parametrize(("changed", "claim", "lacking"), WRONG)
def test_a_claim_with_something_changed_is_not_supported(
    changed: str, claim: str, lacking: str, verifier: FactVerifier, sources: list[Source]
) -> None:
    judged = verifier.judge(claim, sources)
    assert judged.verdict != "supported", changed
    assert lacking in _reasons(judged)


@pytest.mark.parametrize(("claim", "lacking"), NOWHERE)
def test_what_stands_nowhere_is_not_supported(
    claim: str, lacking: str, verifier: FactVerifier, sources: list[Source]
) -> None:
    judged = verifier.judge(claim, sources)
    assert judged.verdict != "supported"
    assert lacking in _reasons(judged)


@pytest.mark.parametrize(
    ("claim", "own"),
    [
        ("The new bridge over the Lode is wooden.", "wooden"),
        ("Mayor Edda Quarl is a geologist.", "geologist"),
        ("Half of the miners have found better work.", "better"),
        ("The council of Skelmoor secretly voted to build a bridge.", "secretly"),
    ],
)
def test_a_short_claim_has_no_room_for_a_word_of_its_own(
    claim: str, own: str, verifier: FactVerifier, sources: list[Source]
) -> None:
    judged = verifier.judge(claim, sources)
    assert judged.verdict != "supported"
    assert own in _reasons(judged)


def test_a_changed_claim_has_less_support_than_the_true_one(verifier: FactVerifier, sources: list[Source]) -> None:
    for true, wrong in (
        ("Construction will cost 48 million crowns.", "Construction will cost 84 million crowns."),
        ("Salt prices rose by 15 per cent in Orrin.", "Salt prices fell by 15 per cent in Orrin."),
        ("The old bridge did not survive the flood.", "The old bridge did survive the flood."),
        ("Construction will begin in March 2027.", "Construction will begin in March 2029."),
    ):
        assert verifier.judge(wrong, sources).support < verifier.judge(true, sources).support


def test_a_claim_of_two_sentences_rests_on_both(verifier: FactVerifier, sources: list[Source]) -> None:
    claim = "Salt prices rose by 15 per cent in Orrin, and Ilse Vorn refused to lift the tariff before the spring."
    assert {source.text for source in verifier.judge(claim, sources).sources} == {sources[8].text, sources[9].text}


def test_without_its_sentence_a_claim_is_not_supported(verifier: FactVerifier, sources: list[Source]) -> None:
    for source in sources:
        rest = [one for one in sources if one is not source]
        assert verifier.judge(source.text, rest).verdict != "supported", source.text


def test_the_support_is_that_of_the_signals(verifier: FactVerifier, sources: list[Source]) -> None:
    for claim in (*TRUE, *(claim for _, claim, _ in WRONG)):
        found = verifier.signals(claim, sources)
        assert found is not None
        judged = verifier.judge(claim, sources)
        assert judged.support == support(found)
        assert [source for source in found.sources if source in judged.sources] == list(judged.sources)


def test_a_claim_without_words_or_sentences_has_no_signals(verifier: FactVerifier, sources: list[Source]) -> None:
    assert verifier.signals("…", sources) is None
    assert verifier.signals(TRUE[0], []) is None
    assert verifier.signals(TRUE[0], sources) is not None


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_agreement_weighs_as_far_as_a_sentence_tells_the_claim(covered: float, agreed: float, told: float) -> None:
    found = joined(covered, agreed, told)
    assert 0.0 < found < 1.0
    assert found <= max(covered, 1e-9)
    assert joined(covered, 1.0, told) == joined(covered, agreed, 0.0) == pytest.approx(covered, abs=1e-8)
    assert joined(covered, agreed, 1.0) == pytest.approx(covered * agreed, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_any_text_is_judged_the_same_each_time(verifier: FactVerifier, sources: list[Source], claim: str) -> None:
    judged = verifier.judge(claim, sources)
    assert judged == verifier.judge(claim, sources)
    assert 0.0 <= judged.support <= 1.0
    assert len(judged.sources) <= 2
    assert bool(judged.reasons) <= (judged.verdict != "supported")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(" ".join))
def test_any_text_is_evidence(verifier: FactVerifier, embedder: OnnxEmbedder, text: str) -> None:
    article = Article(id="odd", text=text)
    its = sentences.split(text)
    rows = embedder.encode([text[one.start : one.end] for one in its])
    listed = [Source(article, one, row) for one, row in zip(its, rows, strict=True)]
    for claim in ("The council voted on Tuesday.", text):
        judged = verifier.judge(claim, listed)
        assert all(any(source is one for one in listed) for source in judged.sources)
        assert 0.0 <= judged.support <= 1.0


@pytest.mark.parametrize(
    ("claim", "misquotes"),
    [
        ("Jonas Tweel said “the plan will ruin the fleet”.", False),
        ('The harbour master said the plan "will ruin" the fleet.', False),
        ("Jonas Tweel said “the plan will sink the fleet”.", True),
        ("Jonas Tweel said “ruin the plan”.", True),
        ("Jonas Tweel said the plan would ruin the fleet.", False),
    ],
)
def test_words_in_quotation_marks_are_those_of_the_sentences(
    sources: list[Source], claim: str, *, misquotes: bool
) -> None:
    assert misquoted(claim, sources) is misquotes


def test_a_claim_that_misquotes_is_not_supported(verifier: FactVerifier, sources: list[Source]) -> None:
    right = verifier.judge("“The plan will ruin the fleet,” harbour master Jonas Tweel said.", sources)
    wrong = verifier.judge("“The plan ruin will the fleet,” harbour master Jonas Tweel said.", sources)
    assert right.verdict == "supported"
    assert wrong.verdict != "supported"
