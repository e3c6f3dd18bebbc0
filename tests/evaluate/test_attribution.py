from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate.attribution import Heard, Speech, Spoken, hear, load_speech, read_articles, same_verb, speech_figures
from rag.evaluate.report import speech_record, speech_table
from rag.types import Article

_ARTICLE = Article(id="a", text="It rained. “It will stop,” Jane Doe told reporters. The ferry sailed.")


def _heard(gold: str | None, found: str | None, verb: str | None = "said") -> Heard:
    return Heard(Speech(id="s", doc_id="a", quote="x", speaker=gold, verb="said"), found, verb, None)


_HEARD = [
    _heard("Jane Doe", "Doe"),
    _heard("Jane Doe", "Doe", "claimed"),
    _heard("Jane Doe", "John Roe"),
    _heard("Jane Doe", None),
    _heard(None, "John Roe"),
    _heard(None, None),
]


def test_precision_is_over_what_was_extracted_and_recall_over_what_was_said() -> None:
    found = {name: figure.value for name, figure in speech_figures(_HEARD).items()}
    assert found == {
        "speaker precision": pytest.approx(2 / 4),
        "speaker recall": pytest.approx(2 / 4),
        "speech found": pytest.approx(3 / 4),
        "verb right": pytest.approx(1 / 2),
        "addressee right": None,
    }


def test_each_sentence_has_a_verdict() -> None:
    assert [item.verdict for item in _HEARD] == [
        "right",
        "right",
        "wrong speaker",
        "missed",
        "invented",
        "nobody, rightly",
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("Said", "said", True), ("called", "called for", True), ("said", "claimed", False), (None, "said", False)],
)
def test_verbs_are_compared_by_their_words(one: str | None, other: str, *, same: bool) -> None:
    assert same_verb(one, other) is same


def test_the_extraction_is_given_the_sentences_place() -> None:
    asked: list[str] = []

    def extract(article: Article, start: int, end: int) -> tuple[str | None, str | None, str | None]:
        asked.append(article.text[start:end])
        return "Doe", "told", "reporters"

    quote = "“It will stop,” Jane Doe told reporters."
    sentence = Speech(id="s", doc_id="a", quote=quote, speaker="Jane Doe", verb="told", addressee="reporters")
    (item,) = hear([sentence], {"a": _ARTICLE}, extract)
    assert asked == [quote]
    assert item.right
    assert speech_figures([item])["addressee right"].value == 1


@pytest.mark.parametrize(("doc", "quote"), [("b", "It rained."), ("a", "It snowed.")])
def test_a_sentence_that_is_not_there_is_an_error(doc: str, quote: str) -> None:
    with pytest.raises(BadInput, match="sentence s"):
        hear([Speech(id="s", doc_id=doc, quote=quote)], {"a": _ARTICLE}, lambda *_: (None, None, None))


def test_sentences_and_articles_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "speech.jsonl").write_text(
        json.dumps({"id": "s", "doc_id": "a", "quote": "It rained.", "speaker": None, "note": "no matter"}) + "\n"
    )
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"id": "a", "title": "Rain", "text": _ARTICLE.text}) + "\n")
    assert load_speech(tmp_path / "speech.jsonl") == [Speech(id="s", doc_id="a", quote="It rained.")]
    articles = read_articles([tmp_path / "corpus.jsonl"], Settings())
    assert articles["a"].text == _ARTICLE.text
    assert len(read_articles([], Settings())) >= 5
    with pytest.raises(BadInput, match="no such file"):
        read_articles([tmp_path / "none"], Settings())


def test_the_table_names_what_was_wrongly_attributed() -> None:
    spoken = Spoken("speech.jsonl", _HEARD, speech_figures(_HEARD))
    text = speech_table(spoken)
    assert "John Roe, not Jane Doe" in text
    assert "John Roe, not anybody" in text
    recorded = speech_record(spoken)
    assert json.loads(json.dumps(recorded)) == recorded
