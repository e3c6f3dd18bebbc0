"""A second opinion on claims: what it doubts is not supported, and what it affirms must still agree with the facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag import sentences
from rag.answer.verify import FactVerifier, Judgement, Source
from rag.answer.verify.entailment import OnnxEntailment, load_entailment
from rag.errors import BadInput, ModelMissing
from rag.index import Index
from rag.rerank import RerankerInfo, Scores
from rag.rerank.export import reference
from rag.types import Article
from tests.rerank import tiny

PREMISE = "china said in geneva: talks on 12, on the."
CLAIMS = ["china said", "who", "talks in geneva on 12.", ""]
TEXT = "The envoy met 14 ministers in Geneva on Monday. Nobody told the press what the ministers had said."
CLAIM = "The envoy met 14 ministers in Geneva."
WRONG = "The envoy met 15 ministers in Geneva."


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of three labels, entailment in the middle."""
    return tiny.bert(tmp_path_factory.mktemp("nli"), names=("neutral", "ENTAILMENT", "contradiction"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def entailment(classifier: Path, cache: Path) -> OnnxEntailment:
    return load_entailment(classifier, cache)


class Fixed:
    """An entailment model of one opinion, and what it was asked."""

    info = RerankerInfo(name="fixed", sha256="0" * 64, max_tokens=512)

    def __init__(self, opinion: float) -> None:
        self.opinion = opinion
        self.premises: list[str] = []

    def score(self, premise: str, claims: Sequence[str]) -> Scores:
        self.premises.append(premise)
        return np.full(len(claims), self.opinion, np.float32)


def _probabilities(folder: Path, row: int, premise: str, claims: Sequence[str]) -> Scores:
    import torch

    pairs = [(premise, claim) for claim in claims]
    probabilities: Scores = reference(folder).predict(pairs, activation_fn=torch.nn.Softmax(-1))[:, row]
    return probabilities


def _judged(index: Index, claim: str, entailment: Fixed | None = None) -> Judgement:
    article = Article(id="talks", text=TEXT)
    its = sentences.split(TEXT)
    vectors = index.embedder.encode([TEXT[one.start : one.end] for one in its])
    sources = [Source(article, one, vector, (1,)) for one, vector in zip(its, vectors, strict=True)]
    return FactVerifier(index.store, index.embedder, entailment).judge(claim, sources)


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (("neutral", "ENTAILMENT", "contradiction"), 1),
        (("contradiction", "neutral", "Entails"), 2),
        (("entailment", "not_entailment"), 0),
        (("not_entailment", "entailment"), 1),
    ],
)
def test_the_probability_is_that_of_the_label_of_entailment(names: tuple[str, ...], row: int, tmp_path: Path) -> None:
    folder = tiny.bert(tmp_path / "model", names=names)
    found = load_entailment(str(folder), tmp_path / "cache").score(PREMISE, CLAIMS)
    expected = _probabilities(folder, row, PREMISE, CLAIMS)
    assert np.ptp(expected) > 0.01
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)


def test_the_same_weights_with_labels_in_another_order_are_another_model(classifier: Path, tmp_path: Path) -> None:
    first = load_entailment(classifier, tmp_path).score(PREMISE, CLAIMS)
    other = tiny.bert(tmp_path / "other", names=("entailment", "neutral", "contradiction"))
    again = load_entailment(other, tmp_path).score(PREMISE, CLAIMS)
    assert (classifier / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert np.allclose(again, _probabilities(other, 0, PREMISE, CLAIMS), atol=1e-5)
    assert not np.allclose(first, again, atol=1e-3)


def test_a_long_premise_is_cut_and_a_claim_never(entailment: OnnxEntailment, classifier: Path) -> None:
    long = " ".join(f"china said {n} talks in geneva were on." for n in range(40))
    assert np.allclose(entailment.score(long, CLAIMS), _probabilities(classifier, 1, long, CLAIMS), atol=1e-5)
    (pair,) = entailment._model._pairs(long, ["who " * 40])
    assert pair.tokens.count("who") == 40
    assert len(pair.ids) == tiny.MAX_TOKENS


def test_a_claim_too_long_to_be_read_whole_is_not_entailed(entailment: OnnxEntailment) -> None:
    fits, longer = entailment.score("china said", ["who " * 46, "who " * 47])  # of 61 a quarter is the premise's
    assert fits > 0.0
    assert longer == 0.0


def test_no_claims_have_no_probabilities(entailment: OnnxEntailment) -> None:
    assert entailment.score(PREMISE, []).shape == (0,)


@pytest.mark.parametrize(
    "names", [("LABEL_0", "LABEL_1", "LABEL_2"), ("contradiction", "not_entailment"), ("entailment",)]
)
def test_a_model_without_such_a_label_is_refused_with_its_labels(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = tiny.bert(tmp_path / "model", names=names)
    with pytest.raises(BadInput, match="entailment") as caught:
        load_entailment(folder, tmp_path / "cache")
    if names != ("LABEL_0", "LABEL_1", "LABEL_2"):  # the names that a configuration has without being given any
        assert ", ".join(names) in caught.value.message
    assert "id2label" in caught.value.remedy
    assert not (tmp_path / "cache").exists()


def test_a_model_that_is_not_here_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="someone/no-such-model") as caught:
        load_entailment("someone/no-such-model", tmp_path)
    assert "download" in caught.value.remedy


@pytest.mark.parametrize("opinion", [0.0, 0.4])
def test_what_it_doubts_is_not_supported(seeds_index: Index, opinion: float) -> None:
    assert _judged(seeds_index, CLAIM).verdict == "supported"
    doubted = _judged(seeds_index, CLAIM, Fixed(opinion))
    assert doubted.verdict != "supported"
    assert doubted.support == pytest.approx(opinion)
    assert doubted.reasons


def test_what_it_affirms_is_as_supported_as_without_it(seeds_index: Index) -> None:
    affirmed, alone = _judged(seeds_index, CLAIM, Fixed(1.0)), _judged(seeds_index, CLAIM)
    assert (affirmed.verdict, affirmed.support, affirmed.reasons) == (alone.verdict, alone.support, alone.reasons)


def test_what_it_affirms_and_the_facts_contradict_is_not_supported(seeds_index: Index) -> None:
    affirmed = _judged(seeds_index, WRONG, Fixed(1.0))
    assert affirmed.verdict != "supported"
    assert affirmed.support == _judged(seeds_index, WRONG).support
    assert "15" in " ".join(affirmed.reasons)


def test_it_reads_the_sentences_that_are_cited(seeds_index: Index) -> None:
    reader = Fixed(1.0)
    judged = _judged(seeds_index, CLAIM, reader)
    cited = [source.text for source in judged.sources]
    assert cited
    assert set(cited) <= set(reader.premises) <= {*cited, " ".join(cited)}


def test_a_model_judges_claims(seeds_index: Index, entailment: OnnxEntailment) -> None:
    article = Article(id="talks", text=TEXT)
    one = sentences.split(TEXT)[0]
    vector = seeds_index.embedder.encode([TEXT[one.start : one.end]])[0]
    verifier = FactVerifier(seeds_index.store, seeds_index.embedder, entailment)
    judged = verifier.judge(CLAIM, [Source(article, one, vector)])
    sure = float(entailment.score(TEXT[one.start : one.end], [CLAIM])[0])
    assert 0.0 < sure < 0.9
    assert judged.support == pytest.approx(sure)
