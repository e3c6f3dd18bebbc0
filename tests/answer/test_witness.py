from __future__ import annotations

import pytest

from rag.answer.witness import credited_agencies, near_copies, phrase, witnesses
from rag.types import Article, Citation, Witness

STORY = (
    "The harbour of Orlen was closed on Monday after a tanker ran aground near the eastern mole, the port authority announced. "
    "Divers inspected the hull in the afternoon and found no leak, but tugs from three towns will be needed to pull it free."
)
OTHER = (
    "Ships waited outside Orlen for a second day. A stranded tanker blocks the narrow entrance to its port, where forty fishing boats "
    "lie idle, and their owners have asked the town for help while crews try to move the vessel at high tide."
)
THIRD = (
    "Insurers expect the grounding at Orlen to cost little. Nobody was hurt, no oil was lost, and pilots who know these waters say that "
    "the mud on which the tanker rests is soft, so that the next spring tide should lift her without much damage."
)
SPEECH = "“We shall not rest until every last one of these boats can leave the port of Orlen again without paying a single penny for it,” she said."


def article(key: str, text: str, source: str | None = None, agency: str | None = None) -> Article:
    return Article(id=key, text=text, source=source, agency=agency)


def cite(*articles: Article, quote: str | None = None, also_in: tuple[str, ...] = ()) -> list[Citation]:
    """Each article cited with its first words; `also_in` belongs to the first."""
    return [
        Citation(
            n=number,
            article=cited,
            quote=quote or cited.text[:20],
            start=0,
            end=20,
            score=1.0,
            also_in=also_in if number == 1 else (),
        )
        for number, cited in enumerate(articles, 1)
    ]


def test_outlets_with_texts_of_their_own_are_independent() -> None:
    found = witnesses(cite(article("a", STORY, "Orlen Post"), article("b", OTHER, "Coast Radio")))
    assert found == (
        Witness(outlets=("Orlen Post",), articles=("a",)),
        Witness(outlets=("Coast Radio",), articles=("b",)),
    )
    assert phrase(found) == "2 independent outlets: Orlen Post, Coast Radio"


def test_articles_of_one_outlet_are_one_witness() -> None:
    found = witnesses(cite(article("a", STORY, "The Orlen Post"), article("b", OTHER, "Orlen post")))
    assert found == (Witness(outlets=("The Orlen Post",), articles=("a", "b")),)
    assert phrase(found) == "one source: The Orlen Post"


def test_one_article_cited_twice_is_one_witness() -> None:
    one = article("a", STORY, "Orlen Post")
    assert witnesses(cite(one, one)) == (Witness(outlets=("Orlen Post",), articles=("a",)),)


def test_outlets_that_print_the_same_sentence_are_one_witness() -> None:
    copy = article("b", OTHER, "Coast Radio")
    found = witnesses(cite(article("a", STORY, "Orlen Post"), also_in=("b",)), {"b": copy})
    assert found == (Witness(outlets=("Orlen Post", "Coast Radio"), articles=("a", "b")),)
    assert phrase(found) == "one source: Orlen Post"


def test_a_copy_that_is_not_at_hand_is_still_a_copy() -> None:
    found = witnesses(cite(article("a", STORY, "Orlen Post"), also_in=("gone",)))
    assert found == (Witness(outlets=("Orlen Post",), articles=("a", "gone")),)


def test_a_text_reworked_is_one_witness() -> None:
    reworked = (
        f"There was trouble at the coast this week. {STORY[:120]} Nothing more was known in the evening of the day."
    )
    found = witnesses(cite(article("a", STORY, "Orlen Post"), article("b", reworked, "Coast Radio")))
    assert [witness.articles for witness in found] == [("a", "b")]


def test_witnesses_join_across_a_third() -> None:
    """A copies C and B is of C's agency: all three are one."""
    cited = cite(
        article("a", STORY, "Orlen Post"),
        article("b", OTHER, "Coast Radio", agency="Reuters"),
        article("c", f"{STORY} {THIRD}", "Bay News", agency="Reuters"),
    )
    assert [witness.articles for witness in witnesses(cited)] == [("a", "b", "c")]


def test_what_one_agency_reports_is_one_witness() -> None:
    cited = cite(article("a", f"ORLEN (Reuters) - {STORY}", "Orlen Post"), article("b", OTHER, "Reuters"))
    assert [witness.outlets for witness in witnesses(cited)] == [("Orlen Post", "Reuters")]


def test_a_sentence_that_goes_back_to_an_agency_is_no_second_witness() -> None:
    one = article("a", f"The tanker is stuck, the news agency Interfax reported. {OTHER}", "Orlen Post")
    other = article("b", STORY, "Interfax")
    assert len(witnesses(cite(one, other, quote="The tanker is stuck, the news agency Interfax reported."))) == 1
    assert len(witnesses(cite(one, other))) == 2


def test_articles_without_an_outlet_are_never_counted_as_independent() -> None:
    found = witnesses(cite(article("a", STORY), article("b", OTHER)))
    assert found == (Witness(outlets=(), articles=("a", "b")),)
    assert phrase(found) == "2 articles without a named outlet, not known to be independent"
    with_outlet = witnesses(
        cite(article("a", STORY), article("b", OTHER, "Coast Radio"), article("c", THIRD, "Bay News"))
    )
    assert [witness.articles for witness in with_outlet] == [("b",), ("c",), ("a",)]
    assert phrase(with_outlet) == "2 independent outlets: Coast Radio, Bay News; and an article without a named outlet"


def test_an_article_without_an_outlet_that_copies_one_belongs_to_it() -> None:
    found = witnesses(cite(article("a", STORY), article("b", STORY, "Coast Radio")))
    assert found == (Witness(outlets=("Coast Radio",), articles=("a", "b")),)


def test_an_agency_names_an_article_without_an_outlet() -> None:
    found = witnesses(cite(article("a", STORY, agency="AFP")))
    assert found == (Witness(outlets=("Agence France-Presse",), articles=("a",)),)


def test_no_citations_no_witnesses() -> None:
    assert witnesses([]) == ()
    assert phrase(()) == ""


def test_one_unnamed_article_is_one_source() -> None:
    assert phrase(witnesses(cite(article("a", STORY)))) == "one source"


def test_quoting_the_same_speech_makes_no_copy() -> None:
    assert not near_copies(f"{STORY} {SPEECH}", f"{SPEECH} {OTHER}")
    assert near_copies(f"{STORY} {SPEECH.strip('“')}", f"{SPEECH.strip('“')} {OTHER}")


def test_a_name_and_a_title_in_common_make_no_copy() -> None:
    shared = "the deputy prime minister of the republic of Lorne Anna Veldt"
    assert not near_copies(f"{STORY} So said {shared}.", f"It was {shared} who told us. {OTHER}")
    assert not near_copies("", STORY)


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        (f"ORLEN, July 12 (Reuters) – {STORY}", "Reuters"),
        (f"By Anna Veldt | Associated Press\n\n{STORY}", "Associated Press"),
        (f"Orlen: tanker aground\nAFP\n{STORY}", "Agence France-Presse"),
        (f"{STORY}\n\nReporting by Anna Veldt; AP", "Associated Press"),
        (f"{STORY}\n\nWith material from Agence France-Presse", "Agence France-Presse"),
        (f"{STORY}\n\nThe Associated Press contributed to this report.", "Associated Press"),
        (f"{STORY}\n\nSource: Xinhua", "Xinhua"),
        (f"{STORY}\n\n© 2024 Bloomberg L.P.", "Bloomberg"),
    ],
)
def test_agencies_are_credited_at_the_start_and_the_end(text: str, agency: str) -> None:
    assert credited_agencies(article("a", text)) == {agency}


@pytest.mark.parametrize(
    "text",
    [
        f"{STORY}\n\nPhoto: Reuters",
        f"{STORY}\n\nGetty Images/AFP",
        f"{STORY} The captain told Reuters that all are well.\n\n{OTHER}",
        f"{STORY}\n\nThe map is in the Bloomberg building.",
        f"{STORY}\n\nThe gap was closed.",
    ],
)
def test_a_picture_and_a_mention_are_no_credit(text: str) -> None:
    assert credited_agencies(article("a", text)) == set()
