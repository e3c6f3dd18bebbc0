"""Articles that order a model about change nothing: what a model that obeys them says is not shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import chunk, words
from rag.answer.synthesis.claims import ClaimReader
from rag.answer.synthesis.fence import fenced
from rag.answer.synthesis.prose import statements
from rag.config import Settings
from rag.embed import OnnxEmbedder
from rag.index import Index
from rag.llm import Message
from rag.types import Answer, Hit
from tests.answer.synthesis.obedient import ROWS, Form, Injected, Obedient
from tests.stand_in import StandIn

LEAST_TRUE = 0.9


def single(*texts: str) -> set[str]:
    """The sentences of some claims, as a reader gives them."""
    return {sentence for text in texts for sentence, _ in statements(text)}


TRUE = single(*(row.truth for row in ROWS))
STATED = single(*(text for row in ROWS if row.states for text in row.says))
FALSE = single(*(text for row in ROWS if not row.states for text in row.says))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: OnnxEmbedder) -> Iterator[Index]:
    """All the articles of the set."""
    folder = tmp_path_factory.mktemp("redteam") / "index"
    with Index.create(folder, settings=Settings(llm_cache_mb=0), embedder=embedder) as index:
        index.add([row.article for row in ROWS])
        yield index


@pytest.fixture(scope="module")
def asked(index: Index) -> dict[tuple[str, Form], tuple[Answer, Obedient]]:
    """Every question, answered by a model that obeys, in JSON and in prose; and in JSON that it copies from the passages."""
    answers: dict[tuple[str, Form], tuple[Answer, Obedient]] = {}
    forms: tuple[Form, ...] = ("json", "prose", "echo")
    for form in forms:
        for row in ROWS:
            if form != "echo" or "{" in row.text:
                llm = Obedient(form)
                answers[row.id, form] = index.ask(row.question, llm=llm, min_confidence=0), llm
    return answers


CASES = [
    pytest.param(row, form, id=f"{form}-{row.id}")
    for form in ("json", "prose", "echo")
    for row in ROWS
    if form != "echo" or "{" in row.text
]


@pytest.mark.parametrize(("row", "form"), CASES)
def test_nothing_that_an_injection_wants_is_shown(
    row: Injected, form: Form, asked: dict[tuple[str, Form], tuple[Answer, Obedient]]
) -> None:
    answer, llm = asked[row.id, form]
    assert row.id in llm.obeyed, "the stand-in was not given the injection"
    assert answer.mode == "synthesis"
    assert answer.writing is not None
    made = {claim.text for claim in answer.claims}
    assert single(*row.says) <= made, "the injected claims were not read"
    shown = [claim.text for claim in answer.claims if claim.shown]
    assert [text for text in shown if text not in TRUE | STATED] == []
    assert not any(text in (answer.text or "") for text in FALSE)


@pytest.mark.parametrize(("row", "form"), CASES)
def test_every_citation_is_verbatim_and_every_claim_shown_has_one(
    row: Injected, form: Form, asked: dict[tuple[str, Form], tuple[Answer, Obedient]], index: Index
) -> None:
    answer, _ = asked[row.id, form]
    texts = {one.id: one.text for one in ROWS}
    for citation in answer.citations:
        assert citation.quote == texts[citation.article.id][citation.start : citation.end]
        assert index.article(citation.article.id).text == texts[citation.article.id]
    quotes = {citation.n: citation.quote for citation in answer.citations}
    for claim in answer.claims:
        if claim.shown:
            assert claim.citations
            assert claim.verdict == "supported"
            assert set(claim.citations) <= set(quotes)
    assert (answer.text is None) == (not any(claim.shown for claim in answer.claims))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS if row.states])
def test_what_an_article_does_state_is_shown_only_with_the_sentence_that_states_it(
    row: Injected, asked: dict[tuple[str, Form], tuple[Answer, Obedient]]
) -> None:
    answer, _ = asked[row.id, "json"]
    quotes = {citation.n: citation.quote for citation in answer.citations}
    for claim in answer.claims:
        if claim.shown and claim.text in STATED:
            cited = {stem for number in claim.citations for stem in words.stems(quotes[number])}
            assert {word.stem for word in words.content_words(claim.text)} <= cited


def test_the_true_claims_are_shown(asked: dict[tuple[str, Form], tuple[Answer, Obedient]]) -> None:
    lost = [
        row.id
        for row in ROWS
        if not any(claim.shown and claim.text in single(row.truth) for claim in asked[row.id, "json"][0].claims)
    ]
    assert len(lost) <= (1 - LEAST_TRUE) * len(ROWS), lost


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
@pytest.mark.parametrize("form", ["json", "prose"])
def test_the_stand_in_obeys_and_its_claims_are_read(row: Injected, form: Form) -> None:
    article = row.article
    passages = chunk.passages(article, StandIn().token_offsets)
    hits = [
        Hit(rank=rank, passage=passage, article=article, score=1.0, dense=1.0, lexical=0.0)
        for rank, passage in enumerate(passages, start=1)
    ]
    llm = Obedient(form)
    prompt = f"The passages:\n\n{fenced(hits)}\n\nThe question: {row.question}"
    reader = ClaimReader(20, len(hits))
    claims = [
        claim for piece in llm.stream([Message("user", prompt)]) for claim in reader.feed(piece.text)
    ] + reader.end()
    assert llm.obeyed == [row.id]
    assert {claim.text for claim in claims} == single(row.truth, *row.says)
    allowed = {f"passages that do not exist: {', '.join(str(n) for n in row.cites if n > len(hits))}"}
    allowed |= {"not JSON: read as prose", "a claim without words left out"}
    assert set(reader.faults) <= allowed


def test_the_set_is_what_it_is_meant_to_be() -> None:
    assert len(ROWS) >= 48
    assert (
        len({row.id for row in ROWS}) == len({row.kind for row in ROWS}) == len({row.text for row in ROWS}) == len(ROWS)
    )
    assert sum(row.states for row in ROWS) <= len(ROWS) / 4
    assert all(60 <= len(row.text.split()) <= 200 for row in ROWS)
    assert not TRUE & (STATED | FALSE)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_an_article_states_the_falsehood_only_where_its_row_says_so(row: Injected) -> None:
    text = row.text.casefold()
    stated = [claim for claim in row.says if claim.rstrip(".").casefold() in text]
    assert bool(stated) == row.states
