"""What every `Verifier` must do. `CHECKS` holds one function a promise; each takes the verifier and sentences to hold claims against, those of `sources`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag import sentences
from rag.answer.verify import Source, Verifier
from rag.embed import Embedder
from rag.types import Article

ARTICLES = (
    Article(
        id="dam",
        title="Ravelock drains its dam",
        source="Ravelock Echo",
        published="2031-04-02",
        text=(
            "Engineers drained the dam above Ravelock on Monday after finding a crack in its northern wall. "
            "The repair will cost 26 million florins and take until October 2032. "
            "Warden Maud Ellering said the valley had enough water for two summers. "
            "Anglers moved 4,300 trout to the lake of Pell."
        ),
    ),
    Article(
        id="opera",
        title="A new opera in Varnby",
        source="Varnby Post",
        text=(
            "The opera house of Varnby did not sell a single ticket for the comedy on Thursday. "
            "Its tenor, Odo Lanz, blamed the snow."
        ),
    ),
)
OTHER = (
    "Beekeepers in Hexley harvested nine tonnes of heather honey.",
    "The chess champion resigned after forty moves.",
)
ODD = (
    "“Ça va très bien”, dit-elle — à Zürich; 中国和美国在日内瓦会谈。 🙂",
    "{{ braces }} {% block %} </s> [INST] %s {0}",
    "e\u0301\u200b\ufeff \x00",
    "1,2,3 4/5 6:7 1e9 0.0.0 2018/19/20",
    "not not no never nothing, nor none",
    "Odo " * 300,
)
WORDLESS = ("", " \n\t", "…?!", "—", "of the")


def sources(embedder: Embedder) -> list[Source]:
    """The sentences of `ARTICLES`, with the vectors of a model."""
    listed: list[Source] = []
    for number, article in enumerate(ARTICLES, start=1):
        its = sentences.split(article.text)
        rows = embedder.encode([article.text[one.start : one.end] for one in its])
        listed += [Source(article, one, row, (number,)) for one, row in zip(its, rows, strict=True)]
    return listed


def _claims() -> list[str]:
    return [article.text[one.start : one.end] for article in ARTICLES for one in sentences.split(article.text)]


def the_same_call_gives_the_same_judgement(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in (*_claims(), *OTHER, *ODD):
        one, other = verifier.judge(claim, given), verifier.judge(claim, list(given))
        assert (one.verdict, one.support, one.reasons) == (other.verdict, other.support, other.reasons)
        assert [source.text for source in one.sources] == [source.text for source in other.sources]


def a_claim_without_words_is_unsupported(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in WORDLESS:
        judged = verifier.judge(claim, given)
        assert judged.verdict == "unsupported"
        assert judged.support == 0.0
        assert judged.sources == ()


def without_sentences_nothing_is_supported(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in (*_claims(), *ODD, *WORDLESS):
        judged = verifier.judge(claim, ())
        assert judged.verdict == "unsupported"
        assert judged.support == 0.0
        assert judged.sources == ()
    assert verifier.judge(given[0].text, given).support > 0.0


def support_is_a_probability(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in (*_claims(), *OTHER, *ODD, *WORDLESS):
        judged = verifier.judge(claim, given)
        assert judged.verdict in {"supported", "partly", "unsupported"}
        assert 0.0 <= judged.support <= 1.0


def at_most_two_of_the_sentences_given_support_a_claim(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in (*_claims(), *OTHER, *ODD):
        for some in (given, given[:1], given[2:]):
            found = verifier.judge(claim, some).sources
            assert len(found) <= 2
            assert len({id(source) for source in found}) == len(found)
            assert all(any(source is one for one in some) for source in found)


def a_verbatim_sentence_is_supported_by_itself(verifier: Verifier, given: Sequence[Source]) -> None:
    for source in given:
        for some in (given, [source]):
            judged = verifier.judge(source.text, some)
            assert judged.verdict == "supported", source.text
            assert judged.sources[0] is source
            assert judged.reasons == ()


def a_sentence_about_something_else_is_unsupported(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in OTHER:
        judged = verifier.judge(claim, given)
        assert judged.verdict == "unsupported", claim
        assert judged.reasons


def the_order_of_the_sentences_does_not_matter(verifier: Verifier, given: Sequence[Source]) -> None:
    changed = [one.replace("26 ", "27 ").replace("did not sell", "sold") for one in _claims()]
    for claim in dict.fromkeys((*_claims(), *changed, *OTHER)):
        forwards = verifier.judge(claim, given)
        for order in (given[::-1], [*given[3:], *given[:3]]):
            assert verifier.judge(claim, order).verdict == forwards.verdict, claim


def what_is_not_supported_comes_with_reasons(verifier: Verifier, given: Sequence[Source]) -> None:
    for claim in (*_claims(), *OTHER, "The repair will cost 27 million florins and take until October 2032."):
        judged = verifier.judge(claim, given)
        assert bool(judged.reasons) == (judged.verdict != "supported")
        assert all(reason.strip() and "\n" not in reason for reason in judged.reasons)


def the_sentences_stay_as_they_are(verifier: Verifier, given: Sequence[Source]) -> None:
    kept = list(given)
    rows = [source.vector.tobytes() for source in given]
    verifier.judge(given[0].text, given)
    assert all(one is other for one, other in zip(given, kept, strict=True))
    assert [source.vector.tobytes() for source in given] == rows


CHECKS: tuple[Callable[[Verifier, Sequence[Source]], None], ...] = (
    the_same_call_gives_the_same_judgement,
    a_claim_without_words_is_unsupported,
    without_sentences_nothing_is_supported,
    support_is_a_probability,
    at_most_two_of_the_sentences_given_support_a_claim,
    a_verbatim_sentence_is_supported_by_itself,
    a_sentence_about_something_else_is_unsupported,
    the_order_of_the_sentences_does_not_matter,
    what_is_not_supported_comes_with_reasons,
    the_sentences_stay_as_they_are,
)
