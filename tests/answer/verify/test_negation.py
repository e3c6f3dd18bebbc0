"""What a text denies is held against what another says, and words against their opposites in the same place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import words
from rag.answer.verify.negation import Clash, clash, denials, opposed, without_prefix

SAYS = "The council approved the plan on Monday."
DENIES = "The council did not approve the plan on Monday."
PIECES = (
    "the council",
    "approved",
    "the plan",
    "did not",
    "never",
    "no",
    "unhappy",
    "rose",
    "fell",
    ",",
    "but",
    "than",
)


def _denied(text: str) -> set[str]:
    found = denials(text)
    return {found.stems[at] for at in found.denied}


def _opposed(claim: str, evidence: str) -> int:
    return opposed(words.stems(claim), words.stems(evidence))


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("The council did not approve the plan.", "approve"),
        ("The bridge cannot open.", "open"),
        ("They won’t sail.", "sail"),
        ("They won't sail.", "sail"),
        ("Nobody saw the ship.", "saw"),
        ("No ship came.", "ship"),
        ("Neither ship came.", "ship"),
        ("They left without water.", "water"),
        ("It hardly rained.", "rained"),
        ("She refused to sign.", "sign"),
        ("He failed to sign.", "sign"),
        ("They declined to comment.", "comment"),
        ("The town is unable to pay.", "pay"),
        ("They denied the claim.", "claim"),
        ("The town lacks water.", "water"),
        ("They drink tea rather than coffee.", "coffee"),
        ("They drink tea instead of coffee.", "coffee"),
        ("The result is far from certain.", "certain"),
        ("The minister ruled out a toll.", "toll"),
    ],
)
def test_a_cue_denies_what_follows_it(text: str, denied: str) -> None:
    assert denials(text).cues == 1
    assert words.stem(denied) in _denied(text)


@pytest.mark.parametrize(
    "text",
    [
        "They brought not only bread but salt.",
        "No fewer than 30 boats came.",
        "No doubt they won.",
        "They sail whether or not it rains.",
        "The hall will open not until Friday.",
        "It was not long ago.",
        "Nothing but salt is dug there.",
        "He failed the exam.",
        "The knotty plan is known to the nobles.",
    ],
)
def test_an_idiom_and_a_part_of_a_word_deny_nothing(text: str) -> None:
    found = denials(text)
    assert found.cues == 0
    assert found.denied == frozenset()


def test_a_cue_does_not_reach_out_of_its_clause() -> None:
    assert _denied("He did not sign, but the others agreed; they sailed.") == {words.stem("sign")}
    assert _denied("They did not sail because rain fell.") == {words.stem("sail")}


def test_what_stands_before_a_cue_is_denied_where_nothing_follows_it() -> None:
    assert _denied("The others agreed; Quarl did not.") == {words.stem("Quarl")}


@pytest.mark.parametrize(("word", "base"), [("unhappy", "happy"), ("dishonest", "honest"), ("inaccurate", "accurate")])
def test_a_prefix_denies_the_rest_of_its_word(word: str, base: str) -> None:
    assert without_prefix(words.stem(word)) == words.stem(base)
    assert denials(f"They were {word}.").bases == {words.stem(base)}


@pytest.mark.parametrize("word", ["bridge", "uncle", "under", "imp"])
def test_a_word_that_only_starts_like_one_has_no_base(word: str) -> None:
    assert without_prefix(words.stem(word)) is None


def test_a_claim_that_denies_what_the_sentence_says_clashes() -> None:
    found = clash(DENIES, SAYS)
    assert found.denies
    assert found.words > 0
    assert (found.words_soft, found.words_both) == (0, 0)


def test_a_claim_that_says_what_the_sentence_denies_clashes_and_does_not_deny() -> None:
    found = clash(SAYS, DENIES)
    assert not found.denies
    assert found.words > 0
    assert (found.words_soft, found.words_both) == (0, 0)


@pytest.mark.parametrize("text", [SAYS, DENIES, "Nobody saw it, and none was unhappy.", "He failed to sign.", ""])
def test_a_text_does_not_clash_with_itself(text: str) -> None:
    assert clash(text, text) == Clash()


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        (DENIES, "The council had not approved the plan."),
        (DENIES, "The council never approved the plan."),
        ("The ferries could not sail.", "The ferries were unable to sail."),
        ("The mayor is not only rich but clever.", "The mayor is rich and clever."),
        ("The crew was unhappy.", "The crew was not happy."),
        ("The crew was not happy.", "The crew was unhappy."),
    ],
)
def test_two_ways_to_deny_the_same_do_not_clash(claim: str, evidence: str) -> None:
    assert clash(claim, evidence).words == 0
    assert clash(claim, evidence).words_both == 0
    assert not clash(claim, evidence).denies


def test_a_prefix_clashes_with_the_plain_word() -> None:
    assert clash("The crew was dishonest at sea.", "The crew was honest at sea.").words > 0
    assert clash("The crew was honest at sea.", "The crew was dishonest at sea.").words > 0
    assert clash("The crew was unhappy at sea.", "The crew was happy at sea.") != Clash()
    assert clash("The crew was happy at sea.", "The crew was unhappy at sea.") != Clash()


def test_what_sounds_like_a_negation_makes_a_clash_soft() -> None:
    found = clash("The council did not approve the plan.", "The council rejected the plan.")
    assert not found.denies
    assert (found.words, found.words_both) == (0, 0)
    assert found.words_soft > 0


def test_each_has_a_negation_and_one_says_what_the_other_denies() -> None:
    claim = "The ferry did not sail to Orrin, and the salt was sold."
    evidence = "The ferry did sail to Orrin, and the salt was never sold."
    found = clash(claim, evidence)
    assert found.words_both > 0
    assert found.words == 0
    assert not found.denies


@pytest.mark.parametrize(
    ("denying", "superlative"),
    [
        ("No mine in the valley is deeper than Tamber.", "Tamber is the deepest mine in the valley."),
        ("Nobody has sailed as far as Brisk.", "Of all, Brisk has sailed the longest way."),
        ("The valley had never seen such a flood.", "It was the first flood of the valley."),
    ],
)
def test_no_other_is_more_agrees_with_the_most(denying: str, superlative: str) -> None:
    assert clash(denying, superlative) == Clash()
    assert clash(superlative, denying) == Clash()


def test_a_word_that_ends_as_a_superlative_is_none() -> None:
    assert clash("Tamber is a forest mine.", "No mine is deeper than Tamber.") != Clash()


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("Salt prices rose in Orrin.", "Salt prices fell in Orrin."),
        ("The pit opened in spring.", "The pit closed in spring."),
        ("The Rovers won the cup.", "The Rovers lost the cup."),
        ("Quarl spoke before Brisk.", "Quarl spoke after Brisk."),
        ("Kelder lies north of Orrin.", "Kelder lies south of Orrin."),
        ("The union accepted the offer.", "The union rejected the offer."),
    ],
)
def test_a_word_and_its_opposite_in_the_same_place_are_opposed(claim: str, evidence: str) -> None:
    assert _opposed(claim, evidence) == 1
    assert _opposed(evidence, claim) == 1


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("Salt prices rose in Orrin.", "Salt prices rose in Orrin."),
        ("Salt prices rose in Orrin.", "Salt prices climbed in Orrin while wheat fell."),
        ("Salt prices rose in Orrin.", "Rain fell on the fields of Kelder."),
        ("The pit opened in spring.", "The pit opened in spring and closed in winter."),
        ("Quarl spoke before Brisk.", "Brisk spoke after Quarl."),
        ("Quarl spoke before Brisk arrived.", "Brisk arrived after Quarl spoke."),
        ("The bridge is new.", "The bridge is wide."),
        ("", "Salt prices fell."),
        ("Salt prices fell.", ""),
    ],
)
def test_other_words_are_not_opposed(claim: str, evidence: str) -> None:
    assert _opposed(claim, evidence) == 0


@given(st.lists(st.sampled_from(PIECES)).map(" ".join), st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_two_texts_are_compared(one: str, other: str) -> None:
    assert clash(one, one) == Clash()
    assert clash(one, other).denies <= bool(denials(one).cues and not denials(other).cues)
    assert _opposed(one, one) == 0
    assert 0 <= _opposed(one, other) <= len(words.stems(one))
