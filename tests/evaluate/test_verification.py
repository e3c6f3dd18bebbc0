from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.answer.verify import FactVerifier, Judgement, Source
from rag.config import Settings
from rag.errors import ArticleMissing, BadInput
from rag.evaluate.report import claims_page, claims_table
from rag.evaluate.verification import ClaimRow, bound_losing, load_claims, load_verifier, measure, sources_of
from rag.index import Index
from rag.types import Verdict
from tests.stand_in import StandIn, article

_FERRY = "The ferry sank near Oslo on Monday. Nobody was hurt. The storm came from the north at night."


class Told:
    """A verifier that says of each claim what it is told to."""

    def __init__(self, judgements: Mapping[str, tuple[Verdict, float]]) -> None:
        self._judgements = judgements
        self.against: dict[str, list[str]] = {}

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        self.against[claim] = [source.text for source in sources]
        verdict, support = self._judgements[claim]
        return Judgement(verdict, support, tuple(sources[:1]))


@pytest.fixture
def index(tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    with Index.create(tmp_path / "index", settings=Settings(passage_tokens=16), embedder=stand_in) as opened:
        opened.add([article("ferry", _FERRY), article("dam", "The dam broke in Geneva. It was built in 1950.")])
        yield opened


def _row(name: str, label: Verdict, kind: str = "other", doc_id: str = "ferry") -> ClaimRow:
    return ClaimRow(id=name, claim=f"Claim {name} is made.", doc_id=doc_id, label=label, kind=kind)


_CLAIMS: tuple[tuple[ClaimRow, Verdict, float], ...] = (
    (_row("v", "supported", "verbatim"), "supported", 0.9),
    (_row("p1", "supported", "paraphrase"), "supported", 0.8),
    (_row("p2", "supported", "paraphrase", "dam"), "partly", 0.6),
    (_row("m", "partly", "claim"), "supported", 0.7),
    (_row("n1", "unsupported", "number"), "supported", 0.85),
    (_row("n2", "unsupported", "number", "dam"), "unsupported", 0.1),
    (_row("d", "unsupported", "date"), "partly", 0.55),
)


def _told(claims: Sequence[tuple[ClaimRow, Verdict, float]]) -> Told:
    return Told({row.claim: (verdict, support) for row, verdict, support in claims})


def test_claims_are_read_in_both_layouts(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    question = {"question": "It sank.", "source_doc": "ferry", "answerable": True}
    rows = [
        {"id": "a", "doc_id": "ferry", "claim": "It sank.", "label": "partly", "kind": "date", "note": "n", "more": 1},
        *(
            {**question, "id": kind, "kind": f"claim:{kind}"}
            for kind in ("supported", "partially_supported", "not_supported")
        ),
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert load_claims(path) == [
        ClaimRow(id="a", claim="It sank.", doc_id="ferry", label="partly", kind="date", note="n"),
        ClaimRow(id="supported", claim="It sank.", doc_id="ferry", label="supported", kind="claim"),
        ClaimRow(id="partially_supported", claim="It sank.", doc_id="ferry", label="partly", kind="claim"),
        ClaimRow(id="not_supported", claim="It sank.", doc_id="ferry", label="unsupported", kind="claim"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"id": "q", "question": "Where did it sink?", "kind": "where", "source_doc": "ferry"},
        {"id": "q", "question": "It sank.", "kind": "claim:maybe", "source_doc": "ferry"},
        {"id": "q", "question": "It sank.", "kind": "claim:supported"},
        {"id": "q", "claim": "It sank.", "doc_id": "ferry", "label": "true"},
        {"id": "q", "claim": "", "doc_id": "ferry", "label": "supported"},
        ["q"],
    ],
)
def test_what_is_no_claim_is_refused(tmp_path: Path, row: object) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 1 is not a claim"):
        load_claims(path)


def test_an_id_stands_for_one_claim(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(2 * (_row("twin", "partly").model_dump_json() + "\n"), encoding="utf-8")
    with pytest.raises(BadInput, match="two claims with the id twin"):
        load_claims(path)


def test_sources_are_the_quotable_sentences_of_all_passages(tmp_path: Path, stand_in: StandIn) -> None:
    text = "The heading of it\n\n" + _FERRY + " " + " ".join(f"Boat {n} came to help them." for n in range(6))
    with Index.create(tmp_path / "long", settings=Settings(passage_tokens=16), embedder=stand_in) as index:
        index.add([article("long", text), article("other")])
        keys = index.store.keys("long")
        assert len(keys) > 2
        passages = index.store.passages(keys)
        sources = sources_of(index.store, "long")
        wanted = sorted({s for p in passages.values() for s in p.sentences if s.quotable}, key=lambda s: s.start)
        assert [source.sentence for source in sources] == wanted
        assert "The heading of it" not in [source.text for source in sources]
        for source in sources:
            holding = [n for n, key in enumerate(keys, start=1) if source.sentence in passages[key].sentences]
            assert list(source.passages) == holding
            assert np.allclose(source.vector, stand_in.encode([source.text])[0], atol=1e-3)
        with pytest.raises(ArticleMissing):
            sources_of(index.store, "nobody")


def test_every_claim_is_held_against_its_own_article(index: Index) -> None:
    told, progress = _told(_CLAIMS), list[tuple[int, int]]()
    verified = measure(
        index, [row for row, _, _ in _CLAIMS], told, lambda done, total: progress.append((done, total)), name="set"
    )
    assert progress == [(n, len(_CLAIMS)) for n in range(1, len(_CLAIMS) + 1)]
    for row, _, _ in _CLAIMS:
        assert told.against[row.claim] == [source.text for source in sources_of(index.store, row.doc_id)]
    assert [(one.row.id, one.judgement.verdict, one.right) for one in verified.judged] == [
        (row.id, verdict, row.label == verdict) for row, verdict, _ in _CLAIMS
    ]
    assert verified.name == "set"
    assert verified.digest == index.manifest.digest


def test_the_figures_are_those_of_the_verdicts_and_supports(index: Index) -> None:
    verified = measure(index, [row for row, _, _ in _CLAIMS], _told(_CLAIMS))
    values = {name: figure.value for name, figure in verified.figures.items()}
    times = [values.pop(name) for name in ("a claim, median ms", "a claim, p95 ms")]
    assert all(taken is not None and taken >= 0 for taken in times)
    assert values == {
        "AUROC": pytest.approx(7 / 9),  # 0.8 and 0.6 are under 0.85
        "balanced accuracy": pytest.approx((2 / 3 + 2 / 3) / 2),
        "balanced accuracy, partly kept": pytest.approx((1 + 1 / 3) / 2),
        "true kept": pytest.approx(2 / 3),
        "partly true, kept": 1,
        "false caught": pytest.approx(2 / 3),
        "false caught, 10 % of true lost": pytest.approx(2 / 3),
        "… 10 % of paraphrases lost": pytest.approx(2 / 3),
        "macro F1, three ways": pytest.approx((4 / 7 + 0 + 1 / 2) / 3),
    }
    for name in list(values)[:-1]:
        figure = verified.figures[name]
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
    assert verified.bounds == {"true": 0.6, "paraphrases": 0.6}


def test_shares_are_counted_by_kind(index: Index) -> None:
    verified = measure(index, [row for row, _, _ in _CLAIMS], _told(_CLAIMS))
    assert [(kind.label, kind.kind, kind.claims, kind.verdicts, kind.bounds["true"]) for kind in verified.kinds] == [
        ("supported", "paraphrase", 2, 0.5, 1.0),
        ("supported", "verbatim", 1, 1.0, 1.0),
        ("partly", "claim", 1, 1.0, 1.0),
        ("unsupported", "date", 1, 1.0, 1.0),
        ("unsupported", "number", 2, 0.5, 0.5),
    ]
    assert verified.verdicts == {
        "supported": {"supported": 2, "partly": 1, "unsupported": 0},
        "partly": {"supported": 1, "partly": 0, "unsupported": 0},
        "unsupported": {"supported": 1, "partly": 1, "unsupported": 1},
    }


def test_a_bound_loses_at_most_a_tenth() -> None:
    supports = np.arange(20) / 20
    bound = bound_losing(supports)
    assert bound == 0.1
    assert (supports < bound).mean() == 0.1
    assert bound_losing(supports[:9]) == 0.0
    assert bound_losing(np.full(30, 0.5)) == 0.5
    assert bound_losing(np.array([])) is None


def test_paraphrases_have_a_bound_of_their_own(index: Index) -> None:
    claims: list[tuple[ClaimRow, Verdict, float]] = [
        *((_row(f"v{n}", "supported", "verbatim"), "supported", 0.95) for n in range(12)),
        *((_row(f"p{n}", "supported", "paraphrase"), "supported", 0.3 + n / 20) for n in range(10)),
        (_row("f1", "unsupported", "date"), "unsupported", 0.37),
        (_row("f2", "unsupported", "date"), "unsupported", 0.34),
        (_row("f3", "unsupported", "date", "dam"), "unsupported", 0.9),
    ]
    verified = measure(index, [row for row, _, _ in claims], _told(claims))
    assert verified.bounds == {"true": pytest.approx(0.4), "paraphrases": pytest.approx(0.35)}
    assert verified.figures["false caught, 10 % of true lost"].value == pytest.approx(2 / 3)
    assert verified.figures["… 10 % of paraphrases lost"].value == pytest.approx(1 / 3)
    assert "macro F1, three ways" not in verified.figures


def test_intervals_are_over_articles_not_claims(index: Index) -> None:
    claims: list[tuple[ClaimRow, Verdict, float]] = [
        *((_row(f"k{n}", "supported"), "supported", 0.9) for n in range(30)),
        *((_row(f"l{n}", "supported", doc_id="dam"), "partly", 0.6) for n in range(30)),
    ]
    kept = measure(index, [row for row, _, _ in claims], _told(claims)).figures["true kept"]
    assert (kept.value, kept.low, kept.high) == (0.5, 0.0, 1.0)  # two articles: none, one or both of them


def test_figures_that_do_not_apply_are_left_out(index: Index) -> None:
    only = [claim for claim in _CLAIMS if claim[0].label == "partly"]
    verified = measure(index, [row for row, _, _ in only], _told(only))
    assert list(verified.figures) == ["partly true, kept", "a claim, median ms", "a claim, p95 ms"]
    assert verified.bounds == {}
    assert "partly: claim" in claims_table(verified)


def test_a_claim_needs_its_article(index: Index) -> None:
    with pytest.raises(BadInput, match=r"claim x: article gone is not in the index"):
        measure(index, [_row("x", "partly", doc_id="gone")], _told([]))


def test_the_verifier_is_the_one_that_answers_use(index: Index) -> None:
    rows = [
        ClaimRow(id="t", claim="The ferry sank near Oslo on Monday.", doc_id="ferry", label="supported"),
        ClaimRow(id="f", claim="The ferry sank near Oslo in 1987.", doc_id="ferry", label="unsupported"),
    ]
    true, false = measure(index, rows).judged
    verifier = FactVerifier(index.store, index.embedder)
    for one in (true, false):
        judgement = verifier.judge(one.row.claim, sources_of(index.store, "ferry"))
        assert (one.judgement.verdict, one.judgement.support) == (judgement.verdict, judgement.support)
    assert true.judgement.support > false.judgement.support
    assert isinstance(load_verifier(index, Settings()), FactVerifier)


def test_results_are_written_as_json_text_and_markdown(index: Index) -> None:
    verified = measure(index, [row for row, _, _ in _CLAIMS], _told(_CLAIMS), name="ships")
    record = json.loads(json.dumps(verified.as_dict()))
    assert record["figures"]["AUROC"]["value"] == 0.7778
    assert record["kinds"][-1] == {
        "label": "unsupported",
        "kind": "number",
        "claims": 2,
        "caught": 0.5,
        "at_bounds": {"true": 0.5, "paraphrases": 0.5},
    }
    assert [one["id"] for one in record["judged"]] == [row.id for row, _, _ in _CLAIMS]
    assert not any(row.claim in json.dumps(record) for row, _, _ in _CLAIMS)
    text = claims_table(verified)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "ships: 3 supported, 1 partly, 3 unsupported claims on 2 articles" in text
    assert "  n1  0.85  number: Claim n1 is made." in text
    page = claims_page(verified)
    assert "## ships" in page
    assert "| AUROC | 0.778 | [" in page
    assert "| unsupported: number | 2 | 0.500 | 0.500 | 0.500 |" in page
    assert "Claim n1" not in page


def test_long_and_many_claims_stay_in_the_lines(index: Index) -> None:
    claims: list[tuple[ClaimRow, Verdict, float]] = [
        (_row(f"claim-{n}-" + "x" * 60, "unsupported", "a kind with quite a long name"), "supported", 0.9)
        for n in range(25)
    ]
    lines = claims_table(measure(index, [row for row, _, _ in claims], _told(claims))).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[-2].startswith("  claim-19-xxx")
    assert lines[-2].endswith("…")
    assert lines[-1] == "  … and 5 more (--out has all)"
