"""A classifier's export ends in the probability of entailment, apart from a reranker's, and runs without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag import rerank
from rag.config import DEFAULT_MODEL
from rag.errors import BadInput, ModelMissing
from rag.rerank.folder import read_card, verify
from tests.rerank import tiny
from tests.rerank.test_export import _HEAVY

NAMES = ("neutral", "entailment", "contradiction")
_LOAD = """
import sys
from pathlib import Path
from rag.answer.verify.entailment import load_entailment
print(load_entailment(sys.argv[1], Path(sys.argv[2])).score("china", ["china", "geneva"]).shape, *sys.modules)
"""


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of three labels."""
    return tiny.bert(tmp_path_factory.mktemp("nli"), names=NAMES)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, classifier: Path) -> Path:
    """A cache that has its export."""
    cache = tmp_path_factory.mktemp("cache")
    rerank.load(classifier, cache, entailment=True)
    return cache


def test_the_export_is_made_once_in_a_folder_of_its_own(classifier: Path, cache: Path) -> None:
    notices: list[str] = []
    model = rerank.load(classifier, cache, notice=notices.append, entailment=True)
    assert notices == []
    assert model.label == "entailment"
    (folder,) = (cache / "entail").iterdir()
    verify(folder)
    assert folder.name.startswith(f"{model.info.sha256}-1-")
    assert read_card(folder).label == "entailment"
    assert {path.name for path in (cache / "rerank").iterdir()} == {"hashes"}


def test_the_first_use_says_what_takes_long(classifier: Path, tmp_path: Path) -> None:
    notices: list[str] = []
    rerank.load(classifier, tmp_path, notice=notices.append, entailment=True)
    assert notices == [f"preparing the entailment model {classifier} (once)"]


def test_a_query_imports_nothing_heavy(classifier: Path, cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(classifier), str(cache)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("(2,)")
    assert not set(done.stdout.split()) & _HEAVY


def test_a_folder_that_is_ready_to_run_is_used_for_what_it_is(cache: Path, export_folder: Path, tmp_path: Path) -> None:
    (ready,) = (cache / "entail").iterdir()
    assert rerank.load(ready, tmp_path, entailment=True).score("china", ["who"]).shape == (1,)
    with pytest.raises(BadInput, match="probability of entailment"):
        rerank.load(ready, tmp_path)
    with pytest.raises(BadInput, match="is a reranker"):
        rerank.load(export_folder, tmp_path, entailment=True)


def test_such_a_model_is_no_reranker(classifier: Path, cache: Path) -> None:
    with pytest.raises(BadInput, match="3 labels"):
        rerank.load(classifier, cache)


def test_an_embedding_model_is_no_entailment_model(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no head that scores"):
        rerank.load(DEFAULT_MODEL, tmp_path, entailment=True)


def test_weights_in_16_bits_are_read_in_32(tmp_path: Path) -> None:
    halved = rerank.load(tiny.bert(tmp_path / "half", names=NAMES, half=True), tmp_path / "cache", entailment=True)
    whole = rerank.load(tiny.bert(tmp_path / "whole", names=NAMES), tmp_path / "cache", entailment=True)
    scores = halved.score("china said", ["who", "geneva", "talks on 12"])
    assert not np.array_equal(scores, scores.astype(np.float16).astype(np.float32))
    assert np.allclose(scores, whole.score("china said", ["who", "geneva", "talks on 12"]), atol=1e-2)


def test_names_for_another_number_of_labels_are_refused(tmp_path: Path, classifier: Path) -> None:
    folder = tiny.modular(tmp_path / "model", classifier)  # a head of one score, on a model with three names
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id2label": dict(enumerate(NAMES))}))
    with pytest.raises(BadInput, match="1 scores, but has names for 3 labels"):
        rerank.load(folder, tmp_path / "cache", entailment=True)


@pytest.mark.parametrize(
    "config", ["garbage", '{"architectures": ["XForSequenceClassification"], "id2label": {"a": "b"}}']
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelMissing, match=r"config\.json cannot be read"):
        rerank.load(tmp_path, tmp_path / "cache", entailment=True)


def test_an_export_that_scores_otherwise_is_refused(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.rerank.export._max_tokens", lambda _: 8)  # what is cut changes the probability
    with pytest.raises(ModelMissing, match="does not give the scores of the original") as caught:
        rerank.load(classifier, tmp_path, entailment=True)
    assert "entailment model" in caught.value.message
    assert not list((tmp_path / "entail").iterdir())
