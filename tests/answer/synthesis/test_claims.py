from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.synthesis.claims import LONGEST_CLAIM, LONGEST_REPLY, ClaimReader, Written

TWO = (
    '{"claims": [{"text": "The bridge is closed.", "passages": [1, 3]}, {"text": "Nobody was hurt.", "passages": [2]}]}'
)
CLOSED = Written("The bridge is closed.", (1, 3))
UNHURT = Written("Nobody was hurt.", (2,))
# fmt: off
PARTS = st.sampled_from(
    [TWO, '{"claims": [', '{"text": "', '", "passages": [', "1, 3]}", "]}", "{", "}", "[", "]", '"', "\\", '\\"', "\\u00e9", "\\ud83d", "\\ude00", ",",
     "<think>", "</think>", "<", "The bridge is closed. ", "Nobody was hurt [2]. ", "[1]", "(passage 2)", "\n", "```json\n", "- ", "**", "#", "\ud83d", "\ude00",
     "\u200b", "\u202e", "\x1b[31m", "“He left. He came.” ", "word " * 30, " ", ":", "[x](y)", '["It rained.", "It snowed."]']
)
# fmt: on
REPLIES = st.one_of(
    st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=25).map("".join),
    st.text(st.characters(), max_size=60),
)


def read(*pieces: str, most: int = 20, passages: int = 5) -> tuple[list[Written], tuple[str, ...]]:
    reader = ClaimReader(most, passages)
    claims = [claim for piece in pieces for claim in reader.feed(piece)]
    return claims + reader.end(), reader.faults


def texts(reply: str) -> list[str]:
    return [claim.text for claim in read(reply)[0]]


def reply_of(*claims: tuple[str, Sequence[int]]) -> str:
    return json.dumps({"claims": [{"text": text, "passages": list(passages)} for text, passages in claims]})


def test_claims_are_read_with_their_passages() -> None:
    assert read(TWO) == ([CLOSED, UNHURT], ())


def test_a_claim_is_given_as_soon_as_it_is_complete_and_once() -> None:
    reader = ClaimReader(20, 5)
    given_at = [len(reader.feed(char)) for char in TWO]
    ends = [TWO.index("}"), TWO.index("}", TWO.index("}") + 1)]
    assert [at for at, given in enumerate(given_at) if given] == ends
    assert reader.end() == []
    assert reader.end() == []
    assert reader.feed(TWO) == []


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{TWO}\n```",
        f"Sure! Here are the claims [as JSON]:\n\n{TWO}\n\nI hope this helps. Passage [1] is the best.",
        f'<think>I could say {{"claims": [{{"text": "It fell.", "passages": [1]}}]}}.</think>\n{TWO}',
        f"I think that it fell.</think>{TWO}",
        f"<THINKING>a < b</THINKING>{TWO}",
        TWO.removeprefix('{"claims": ').removesuffix("}"),
        TWO.replace("]}", "],}").replace("},]", "}],") + "}",
        TWO.replace("[1, 3]", '"1, 3"').replace("[2]", "2"),
        TWO.replace("[1, 3]", '["[1]", "passage 3"]').replace("[2]", '"[2]"'),
        TWO.replace("[1, 3]", '[{"passage": 1, "text": "It is closed."}, {"passage": 3.0}]'),
        TWO.replace('"passages"', '"sure": {"text": "Very sure."}, "Passages"'),
        TWO.replace('"text"', '"claim"').replace('"passages"', '"citations"').replace('"claims"', '"answer"'),
        '{"text": "The bridge is closed.", "passages": [1, 3]}\n{"text": "Nobody was hurt.", "passages": [2]}\n',
        '{"claims": ["The bridge is closed [1, 3].", "Nobody was hurt. (passage 2)"]}',
        '["The bridge is closed. [1][3]", "Nobody was hurt. 【2】"]',
        f'{{"name": "answer", "arguments": {TWO}}}',
        TWO.replace(" is", "\\u0020\\u0069s").replace("hurt", "h\\u0075rt"),
        TWO.replace(" is ", "\n   is\t\t"),
        TWO.replace("hurt.", "hurt\u200b\u202e\ufeff\x07.\x1b[0m").replace("bridge", "\u2066bridge\u2069"),
        TWO.replace("is closed.", "is closed [1].").replace("Nobody", "**Nobody**"),
        TWO + TWO,
    ],
)
def test_forms_that_are_put_up_with(reply: str) -> None:
    assert read(reply) == ([CLOSED, UNHURT], ())


@pytest.mark.parametrize(
    "reply",
    [
        "The bridge is closed [1, 3]. Nobody was hurt [2].",
        "The bridge is closed. [1][3] Nobody was hurt. [2]",
        "[1, 3] The bridge is closed.\n[2] Nobody was hurt.",
        "## Answer\n\n- **The bridge is closed.** [1] [3]\n- Nobody was hurt. (passage 2)\n",
        "**Summary**\n1. The bridge is closed (passages 1 and 3).\n2. Nobody was *hurt* [^2].",
        "Here is what the passages say:\n\n> The bridge is closed.[1; 3] Nobody was hurt.[2]",
        "<think>It fell.</think>The bridge is closed [1](http://x.example/a) [3].\n![p](http://x.example/b)\nNobody was hurt [2].",
        '{"note": "no claims"}\n\nThe bridge is closed [1,3]. Nobody was hurt [2].',
    ],
)
def test_prose_is_read_by_sentences(reply: str) -> None:
    claims, faults = read(reply)
    assert [claim for claim in claims if "note" not in claim.text][-2:] == [CLOSED, UNHURT]
    assert faults == ("not JSON: read as prose",)


def test_prose_with_brackets_and_tags_is_prose() -> None:
    assert texts("The set {a, b} grew <fast> [sic]. It is < 3") == ["The set {a, b} grew <fast> [sic].", "It is < 3"]
    assert texts("It ends with {") == ["It ends with {"]
    assert texts("It ends with <thi") == ["It ends with <thi"]


def test_a_claim_of_several_sentences_is_several_claims() -> None:
    claims, _ = read(reply_of(("The bridge fell. “It was old. We knew,” she said.", [2])))
    assert claims == [Written("The bridge fell.", (2,)), Written("“It was old. We knew,” she said.", (2,))]


def test_markers_count_where_a_claim_names_no_passages() -> None:
    assert read('{"claims": [{"text": "It rained. [2] It snowed. [3]"}]}')[0] == [
        Written("It rained.", (2,)),
        Written("It snowed.", (3,)),
    ]
    assert read(reply_of(("It rained [2].", [1])))[0] == [Written("It rained.", (1,))]


def test_passages_that_do_not_exist_are_dropped_and_noted() -> None:
    claims, faults = read(reply_of(("It rained.", [9, 2, 0, 2, -1]), ("It snowed.", [10**30])))
    assert claims == [Written("It rained.", (2,)), Written("It snowed.", ())]
    assert faults == ("passages that do not exist: -1, 0, 9, a huge number",)
    odd = '{"claims": [{"text": "It rained.", "passages": [true, null, 1.5, NaN, Infinity, {}, "2.5"]}]}'
    assert read(odd) == ([Written("It rained.", ())], ())


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", "no claims in it"),
        ("<think>It fell.</think>", "no claims in it"),
        ("<think>It fell. The bridge", "cut off"),
        (reply_of(("", [1])), "a claim without words left out"),
        (reply_of((" \u200b…", [1])), "a claim without words left out"),
        (reply_of(("long " * 200, [1])), f"a claim over {LONGEST_CLAIM} characters left out"),
        ('{"claims": [{"text": "A", "passages": [1} nonsense]}]}', "a claim that cannot be read left out"),
    ],
)
def test_what_gives_no_claim_is_noted(reply: str, fault: str) -> None:
    assert read(reply) == ([], (fault,))


def test_no_claims_is_a_reply() -> None:
    assert read('{"claims": []}') == ([], ())
    assert read('Nothing answers it. {"claims": []}') == ([], ())


def test_a_claim_that_is_as_long_as_allowed_is_given() -> None:
    text = "x" * (LONGEST_CLAIM - 1) + "."
    assert texts(reply_of((text, []))) == [text]


def test_no_more_claims_than_allowed() -> None:
    reply = reply_of(*((f"It rained on day {day}.", [1]) for day in range(5)))
    claims, faults = read(reply, most=5)
    assert (len(claims), faults) == (5, ())
    claims, faults = read(reply, most=3)
    assert [claim.text for claim in claims] == [f"It rained on day {day}." for day in range(3)]
    assert faults == ("more than 3 claims: the rest left out",)


@pytest.mark.parametrize("cut", range(1, len(TWO)))
def test_a_reply_that_is_cut_gives_no_text_that_was_not_closed(cut: int) -> None:
    claims, faults = read(TWO[:cut])
    first, second = TWO.index('closed."') + 8, TWO.index('hurt."') + 6
    assert len(claims) <= (cut > first) + (cut > second)
    assert [claim.text for claim in claims] == [CLOSED.text, UNHURT.text][: len(claims)]
    assert all(
        set(claim.passages) <= set(whole.passages) for claim, whole in zip(claims, (CLOSED, UNHURT), strict=False)
    )
    if cut > len('{"'):
        assert faults == ("cut off",)


def test_a_number_that_was_cut_is_no_passage() -> None:
    assert read('{"claims": [{"text": "It rained.", "passages": [1, 2') == ([Written("It rained.", (1,))], ("cut off",))


def test_strings_of_a_list_that_is_cut() -> None:
    assert texts('{"claims": ["It rained.", "It sno') == ["It rained."]


def test_a_thought_that_never_ends_may_hold_claims() -> None:
    assert read(f"<think>So I reply {TWO} and that is a good") == ([CLOSED, UNHURT], ("cut off",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('She said "no, never" aloud.', 'She said "no, never" aloud.'),
        ('A 5" pipe broke.', 'A 5" pipe broke.'),
        ('"No," she said, "and \\"no\\" again".', '"No," she said, "and "no" again".'),
    ],
)
def test_quotation_marks_that_were_not_escaped(text: str, expected: str) -> None:
    reply = f'{{"claims": [{{"text": "{text}", "passages": [1]}}, {{"text": "Nobody was hurt.", "passages": [2]}}]}}'
    assert read(reply)[0] == [Written(expected, (1,)), UNHURT]


def test_a_pair_of_surrogates_cut_in_two_is_one_character() -> None:
    reply = reply_of(("It rained 😀.", [1])).replace("\\ud83d\\ude00", "\ud83d\ude00")
    assert "\ud83d" in reply
    at = reply.index("\ude00")
    for pieces in ((reply,), (reply[:at], reply[at:]), (reply[:at], "", reply[at:])):
        assert read(*pieces)[0] == [Written("It rained 😀.", (1,))]
    assert texts("It rained \ud83d") == ["It rained \ufffd"]


def test_only_so_much_of_a_reply_is_read() -> None:
    claims, faults = read(TWO + " " * LONGEST_REPLY + reply_of(("It fell.", [1])))
    assert claims == [CLOSED, UNHURT]
    assert faults == (f"over {LONGEST_REPLY:,} characters: the rest left out",)


def test_of_an_endless_line_the_sentences_that_are_whole_are_read() -> None:
    claims, faults = read(" ".join(f"Bridge {number} is closed." for number in range(2_000)), most=10_000)
    assert claims[0].text == "Bridge 0 is closed."
    assert all(claim.text == f"Bridge {number} is closed." for number, claim in enumerate(claims))
    assert "a text over 12,000 characters cut" in faults


@given(REPLIES, st.data())
@settings(deadline=None)
def test_however_a_reply_is_cut_into_pieces_its_claims_are_the_same(reply: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=8)))
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    whole = read(reply)
    assert read(*pieces) == whole
    assert read(*reply) == whole


@given(REPLIES, st.integers(0, 4), st.integers(0, 4))
@settings(deadline=None)
def test_every_claim_is_one_clean_line_within_the_bounds(reply: str, most: int, passages: int) -> None:
    claims, _ = read(reply, most=most, passages=passages)
    assert len(claims) <= most
    for claim in claims:
        assert claim.text == " ".join(claim.text.split())
        assert 0 < len(claim.text) <= LONGEST_CLAIM
        assert any(char.isalnum() for char in claim.text)
        assert not set("\u200b\u202e\x1b\x00\ufeff\ud83d") & set(claim.text)
        assert all(1 <= number <= passages for number in claim.passages)
        assert len(set(claim.passages)) == len(claim.passages)


@given(st.lists(st.tuples(st.text(max_size=40), st.lists(st.integers(1, 5), max_size=3, unique=True)), max_size=5))
@settings(deadline=None)
def test_any_well_formed_reply_is_read_like_its_claims_one_by_one(claims: list[tuple[str, list[int]]]) -> None:
    alone = [written for claim in claims for written in read(reply_of(claim))[0]]
    first = {written.text.casefold(): written for written in reversed(alone)}
    kept = sorted(first.values(), key=alone.index)
    assert read(reply_of(*claims), most=1_000)[0] == kept


@pytest.mark.parametrize(
    ("reply", "kept", "faults"),
    [
        ("It rained [1]. Nobody was hu", ["It rained."], ("cut off", "not JSON: read as prose")),
        ("It rained. It cost 3.", ["It rained."], ("cut off", "not JSON: read as prose")),
        ("It rained. It was said by Mr. ", ["It rained."], ("cut off", "not JSON: read as prose")),
        ("Nobody was hu", [], ("cut off",)),
        ("It rained.\n\n- It snowed.\n- It ha", ["It rained.", "It snowed."], ("cut off", "not JSON: read as prose")),
        ("It rained. It snowed. [2]", ["It rained.", "It snowed."], ("not JSON: read as prose",)),
        ("It rained. It snowed [2].", ["It rained.", "It snowed."], ("not JSON: read as prose",)),
        ("It rained. It snowed.\n", ["It rained.", "It snowed."], ("not JSON: read as prose",)),
        ("It rained. “It snowed.”", ["It rained.", "“It snowed.”"], ("not JSON: read as prose",)),
        ('{"claims": [{"text": "It rained.", "passages": [1]}, {"text": "It sn', ["It rained."], ("cut off",)),
        (TWO, [CLOSED.text, UNHURT.text], ()),
        ("", [], ("no claims in it",)),
    ],
)
def test_what_a_cut_left_unfinished_is_no_claim(reply: str, kept: list[str], faults: tuple[str, ...]) -> None:
    reader = ClaimReader(20, 5)
    claims = reader.feed(reply) + reader.end(cut=True)
    assert [claim.text for claim in claims] == kept
    assert reader.faults == faults


@given(REPLIES)
def test_a_cut_takes_at_most_one_claim_away(reply: str) -> None:
    reader = ClaimReader(20, 5)
    claims = reader.feed(reply) + reader.end(cut=True)
    whole, _ = read(reply)
    assert claims in (whole, whole[:-1])


def test_a_claim_that_differs_in_case_and_final_marks_alone_counts_once() -> None:
    said = [
        "It rained in Oslo.",
        "it rained in Oslo",
        "It rained in Oslo!",
        "It rained in Oslo …",
        "It rained 5%.",
        "It rained 5",
    ]
    assert [claim.text for claim in read(reply_of(*((text, [1]) for text in said)))[0]] == [
        "It rained in Oslo.",
        "It rained 5%.",
        "It rained 5",
    ]
