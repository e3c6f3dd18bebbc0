"""Each signal of disagreement rises for a claim that disagrees in its way, and is silent for the true one."""

from __future__ import annotations

import numpy as np
import pytest

from rag import sentences, words
from rag.answer.verify import Source
from rag.answer.verify.signals import AGREEMENT, COVERAGE, Signals, signals
from rag.embed import Embedder
from rag.types import Article

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
        "Twelve ferries have taken its place. "
        "Quarl defeated Anton Brisk in the election of 2022. "
        "She was born in Wendle and taught geography there for nine years."
    ),
)
FERRY = Article(
    id="ferry",
    title="Ferries stop in Pell",
    published="2026-10",
    text=(
        "Captain Odo Lanz met Warden Maud Ellering at the quay. "
        "She brought him twelve letters. "
        "They spoke for nine minutes. "
        "The ferries will not sail on Monday, Ellering told Lanz. "
        "“The engines of the ferries are worn out,” Lanz said after Ellering had left. "
        "It is the third failure since 2019. "
        "The mail goes by cart to Hexley."
    ),
)
EXAMPLES: dict[str, tuple[Article, str, str]] = {
    "name_place": (
        BRIDGE,
        "The council of Wendle voted on Tuesday to build a new bridge over the river Lode.",
        "The council of Skelmoor voted on Tuesday to build a new bridge over the river Lode.",
    ),
    "number_place": (
        BRIDGE,
        "Construction will cost 84 million crowns and begin in March 2027.",
        "Construction will cost 48 million crowns and begin in March 2027.",
    ),
    "date_place": (
        BRIDGE,
        "Construction will cost 48 million crowns and begin in April 2027.",
        "Construction will begin in March 2027 and cost 48 million crowns.",
    ),
    "name_other": (
        BRIDGE,
        "The council voted on Tuesday to build a new bridge over the river Lode, Anton Brisk among them.",
        "The council voted on Tuesday to build a new bridge over the river Lode, Skelmoor among them.",
    ),
    "number_other": (
        BRIDGE,
        "For 640 crowns a day, the old bridge did not survive the flood of last winter.",
        "For crowns a day, the old bridge did not survive the flood of last winter.",
    ),
    "after": (
        BRIDGE,
        "Quarl was born in Wendle and taught geography there for nine years.",
        "She was born in Wendle and taught geography there for nine years.",
    ),
    "beside": (
        BRIDGE,
        "Jonas Tweel says fishermen fear for their moorings below the cliffs.",
        "Fishermen fear for their moorings below the cliffs.",
    ),
    "elsewhere": (
        BRIDGE,
        "Fishermen of Wendle fear for their moorings below the cliffs.",
        "Their moorings below the cliffs are what fishermen fear for.",
    ),
    "gone": (
        BRIDGE,
        "Fishermen of Marrowby fear for their moorings below the cliffs.",
        "Fishermen fear for their moorings below the cliffs of Skelmoor.",
    ),
    "number_gone": (
        BRIDGE,
        "Construction will cost 48 million crowns and employ 350 people.",
        "Construction will cost 48 million crowns and employ people.",
    ),
    "denies": (
        BRIDGE,
        "The council of Skelmoor did not vote on Tuesday to build a new bridge.",
        "The council of Skelmoor did vote on Tuesday to build a new bridge.",
    ),
    "denied_words": (
        BRIDGE,
        "The old bridge survived the flood of last winter.",
        "The old bridge did not survive the flood of last winter.",
    ),
    "denied_words_soft": (
        FERRY,
        "Delayed, the ferries will sail on Monday, Ellering told Lanz.",
        "Delayed, the ferries will not sail on Monday, Ellering told Lanz.",
    ),
    "denied_words_both": (
        BRIDGE,
        "The old bridge survived the flood of last winter, which did not sweep away three piers.",
        "The old bridge did not survive the flood of last winter, which did sweep away three piers.",
    ),
    "opposite": (
        BRIDGE,
        "Construction will cost 48 million crowns and end in March 2027.",
        "Construction will cost 48 million crowns and begin in March 2027.",
    ),
    "speaker": (
        BRIDGE,
        "Mayor Edda Quarl said the plan will ruin the fleet.",
        "Harbour master Jonas Tweel said the plan will ruin the fleet.",
    ),
    "speaker_beside": (
        FERRY,
        "Ellering said the engines of the ferries are worn out.",
        "Lanz said the engines of the ferries are worn out.",
    ),
    "roles": (
        BRIDGE,
        "Anton Brisk defeated Edda Quarl in the election of 2022.",
        "Edda Quarl defeated Anton Brisk in the election of 2022.",
    ),
    "swapped": (
        BRIDGE,
        "Fishermen fear for their nets below the cliffs.",
        "Fishermen fear for their moorings below the cliffs.",
    ),
}
"""For each signal an article, a claim that disagrees with it, and one like it that does not."""


def _sources(embedder: Embedder, *articles: Article) -> list[Source]:
    listed: list[Source] = []
    for article in articles:
        its = sentences.split(article.text)
        rows = embedder.encode([article.text[one.start : one.end] for one in its])
        listed += [Source(article, one, row) for one, row in zip(its, rows, strict=True)]
    return listed


def _signals(embedder: Embedder, claim: str, *articles: Article, rare: dict[str, float] | None = None) -> Signals:
    """The signals of a claim where all words are as rare, but for those given."""
    rarity = dict.fromkeys((word.stem for word in words.content_words(claim)), 1.0)
    rarity |= {words.stem(word): value for word, value in (rare or {}).items()}
    return signals(claim, embedder.encode([claim])[0], rarity, _sources(embedder, *articles))


def _against(found: Signals) -> dict[str, float]:
    return dict(zip(AGREEMENT, found.agreement.tolist(), strict=True))


def _for(found: Signals) -> dict[str, float]:
    return dict(zip(COVERAGE, found.coverage.tolist(), strict=True))


@pytest.mark.parametrize("name", AGREEMENT)
def test_a_signal_rises_where_the_claim_disagrees_and_only_there(name: str, embedder: Embedder) -> None:
    article, wrong, true = EXAMPLES[name]
    assert _against(_signals(embedder, wrong, article))[name] > 0.1
    assert _against(_signals(embedder, true, article))[name] == 0.0


@pytest.mark.parametrize("article", [BRIDGE, FERRY], ids=lambda article: article.id)
def test_a_verbatim_sentence_disagrees_in_nothing_and_is_covered_whole(article: Article, embedder: Embedder) -> None:
    for source in _sources(embedder, article):
        found = _signals(embedder, source.text, article)
        assert not found.agreement.any(), source.text
        assert found.lacking == ()
        assert found.unseen == ()
        assert found.sources[0].text == source.text
        covered = _for(found)
        assert min(covered[name] for name in ("best", "both", "around", "article")) > 0.8
        assert covered["words"] == covered["words_both"] == 1.0
        assert covered["cosine"] == pytest.approx(1.0, abs=1e-3)
        assert covered["far"] == covered["gone"] == 0.0


@pytest.mark.parametrize("name", ["name_place", "number_place", "date_place", "name_other", "elsewhere", "gone"])
def test_what_the_sentence_lacks_is_named(name: str, embedder: Embedder) -> None:
    lacking = {
        "name_place": "Wendle",
        "number_place": "84 million",
        "date_place": "April",
        "name_other": "Brisk",
        "elsewhere": "Wendle",
        "gone": "Marrowby",
    }
    article, wrong, true = EXAMPLES[name]
    assert lacking[name] in _signals(embedder, wrong, article).lacking
    assert lacking[name] not in _signals(embedder, true, article).lacking


def test_negations_opposites_speakers_and_roles_are_named(embedder: Embedder) -> None:
    for name, told in (
        ("denied_words", "a negation"),
        ("opposite", "an opposite"),
        ("speaker", "Mayor Edda Quarl as the speaker"),
        ("roles", "Brisk in that role"),
    ):
        article, wrong, true = EXAMPLES[name]
        assert told in _signals(embedder, wrong, article).lacking
        assert told not in _signals(embedder, true, article).lacking


def test_the_best_sentence_comes_first_and_one_that_adds_to_it_second(embedder: Embedder) -> None:
    found = _signals(
        embedder, "Twelve ferries have taken its place, and construction will begin in March 2027.", BRIDGE
    )
    assert {source.text for source in found.sources} == {
        "Construction will cost 48 million crowns and begin in March 2027.",
        "Twelve ferries have taken its place.",
    }
    covered = _for(found)
    assert covered["best"] < covered["both"] == 1.0


def test_a_sentence_that_tells_all_stands_alone(embedder: Embedder) -> None:
    found = _signals(embedder, "Twelve ferries have taken its place.", BRIDGE)
    assert [source.text for source in found.sources] == ["Twelve ferries have taken its place."]


def test_rare_words_count_for_more(embedder: Embedder) -> None:
    claim = "Fishermen fear for their nets below the cliffs."
    alike = _for(_signals(embedder, claim, BRIDGE))["best"]
    common = _for(_signals(embedder, claim, BRIDGE, rare={"nets": 0.1}))["best"]
    rare = _for(_signals(embedder, claim, BRIDGE, rare={"nets": 9.0}))["best"]
    assert rare < alike < common < 1.0


def test_words_of_the_claim_that_stand_nowhere_are_unseen(embedder: Embedder) -> None:
    assert _signals(embedder, "Fishermen fear for their nets below the cliffs.", BRIDGE).unseen == ("nets",)
    assert _signals(embedder, "The cliffs of fishermen: fear below moorings.", BRIDGE).unseen == ()


def test_the_title_tells_what_the_sentence_is_about(embedder: Embedder) -> None:
    claim = "Twelve ferries have taken the place of a bridge in votes."
    untitled = BRIDGE.model_copy(update={"title": ""})
    assert _signals(embedder, claim, BRIDGE).unseen == ()
    assert set(_signals(embedder, claim, untitled).unseen) == {"bridge", "votes"}


def test_a_month_of_publication_is_no_fact_that_is_gone(embedder: Embedder) -> None:
    claim = "Fishermen fear for their moorings below the cliffs in {}."
    assert _against(_signals(embedder, claim.format("October 2026"), BRIDGE))["gone"] == 0.0
    assert _against(_signals(embedder, claim.format("October 2025"), BRIDGE))["gone"] > 0.0
    assert _against(_signals(embedder, claim.format("June 2026"), BRIDGE))["gone"] > 0.0
    undated = BRIDGE.model_copy(update={"published": None})
    assert _against(_signals(embedder, claim.format("October 2026"), undated))["gone"] > 0.0


def test_a_name_of_several_words_counts_once(embedder: Embedder) -> None:
    claim = "Fishermen of {} fear for their moorings below the cliffs."
    one = _against(_signals(embedder, claim.format("Marrowby"), BRIDGE))["gone"]
    three = _against(_signals(embedder, claim.format("Marrowby Dunmere Halse"), BRIDGE))["gone"]
    assert one == pytest.approx(three, abs=0.05)


def test_a_negation_of_something_else_is_no_denial(embedder: Embedder) -> None:
    found = _against(_signals(embedder, "Last winter three piers were swept away.", BRIDGE))
    assert found["denied_words"] == found["denies"] == 0.0


def test_sentences_of_several_articles_are_held_apart(embedder: Embedder) -> None:
    claim = "Twelve ferries have taken its place."
    found = _signals(embedder, claim, FERRY, BRIDGE)
    assert found.sources[0].article is BRIDGE
    assert _for(found)["article"] == 1.0
    assert _for(_signals(embedder, claim, FERRY))["article"] < 1.0


def test_the_length_counts_words_and_facts(embedder: Embedder) -> None:
    found = _signals(embedder, "Construction will cost 48 million crowns.", BRIDGE)
    assert found.length == 4
    assert np.isfinite(found.coverage).all()
    assert _for(found)["length"] > _for(_signals(embedder, "Fishermen fear.", BRIDGE))["length"] > 0.0
