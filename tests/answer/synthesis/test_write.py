from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag import prompts
from rag.answer import synthesis
from rag.answer.synthesis import Writer, shown_text
from rag.answer.verify import Judgement, Source
from rag.config import Settings
from rag.errors import BadPrompt, LLMFailed
from rag.index import Index
from rag.llm import LLM, Message, Piece, Stop, Usage
from rag.types import Answer, Article, Citation, Claim
from tests.answer.synthesis.obedient import PASSAGE
from tests.answer.synthesis.test_claims import reply_of
from tests.llm.stand_in import Scripted
from tests.stand_in import StandIn

TEXTS = {
    "walrus": "The walrus sang in Geneva on Monday. Nobody had asked the walrus to sing. The mayor of Geneva clapped.",
    "penguin": "The penguin danced in Oslo on Tuesday. The king of Norway watched the penguin.",
    "otter": "The otter wrote to the ministry in Lima. The ministry did not reply to the otter.",
}
SANG, UNASKED, CLAPPED = (f"{text}." for text in TEXTS["walrus"].rstrip(".").split(". "))
DANCED, WATCHED = (f"{text}." for text in TEXTS["penguin"].rstrip(".").split(". "))
QUESTION = "What did the walrus do in Geneva?"
SUPPORT = {
    "A walrus gave a song in Geneva.": (SANG,),
    "The song came unbidden.": (UNASKED, SANG),
    "A penguin danced.": (DANCED,),
    "The mayor liked it.": (CLAPPED,),
    "The king smiled.": (WATCHED,),
}
A_SONG, UNBIDDEN, A_DANCE, LIKED, SMILED = SUPPORT
FALSE = "The walrus was arrested."

Named = tuple[str, Sequence[str | int]]
Ask = Callable[..., Answer]


class ByHand:
    """A verifier for which some sentences support a claim, all of them together, the best first."""

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        found = tuple(source for text in SUPPORT.get(claim, ()) for source in sources if source.text == text)
        if not found or len(found) < len(SUPPORT[claim]):
            return Judgement("unsupported", 0.1, (), ("no sentence tells it",))
        if claim == SMILED:
            return Judgement("partly", 0.6, found, ("the sentences do not tell all of it",))
        return Judgement("supported", 0.9, found)


def numbers(messages: Sequence[Message]) -> dict[str, int]:
    """The number that each article's passage has in a prompt."""
    prompt = "\n".join(message.text for message in messages)
    found = {match["body"].partition("\n\n")[2]: int(match["n"]) for match in PASSAGE.finditer(prompt)}
    return {name: found[text] for name, text in TEXTS.items()}


def saying(*claims: Named) -> Callable[[Sequence[Message]], str]:
    """A reply with claims that name articles, or numbers of passages."""

    def reply(messages: Sequence[Message]) -> str:
        known = numbers(messages)
        return reply_of(
            *((text, [one if isinstance(one, int) else known[one] for one in named]) for text, named in claims)
        )

    return reply


@pytest.fixture
def index(tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    settings = Settings(cache=tmp_path / "cache", rerank="none", min_confidence=0)
    with Index.create(tmp_path / "index", settings=settings, embedder=stand_in) as index:
        index.add([Article(id=name, text=text) for name, text in TEXTS.items()])
        yield index


@pytest.fixture
def ask(index: Index, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks with a model, and a verifier that is told what is supported."""

    def asked(llm: LLM, *, show_unsupported: bool = False, question: str = QUESTION, **more: Any) -> Answer:
        writer = Writer(
            llm=llm,
            prompt=prompts.load("answer"),
            verifier=ByHand(),
            show_unsupported=show_unsupported,
            using=index._using,
        )
        monkeypatch.setattr(synthesis, "load_writer", lambda *_: writer)
        return index.ask(question, llm=llm, **more)

    return asked


def say(*claims: Named) -> Scripted:
    return Scripted(saying(*claims))


def check(answer: Answer) -> None:
    """What holds of every answer: quotes are verbatim, every marker has its citation, and the other way round; in order of appearance."""
    for citation in answer.citations:
        assert citation.quote == citation.article.text[citation.start : citation.end]
        assert citation.quote in TEXTS[citation.article.id]
    markers = [int(n) for n in re.findall(r"\[(\d+)\]", answer.text or "")]
    first_seen = list(dict.fromkeys(markers))
    assert first_seen == [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    shown = [claim for claim in answer.claims if claim.shown]
    assert answer.text == (" ".join(shown_text(claim) for claim in shown) or None)
    assert answer.abstained is (answer.text is None) is (not answer.citations)


def test_a_supported_claim_stands_with_the_sentence_that_supports_it(ask: Ask) -> None:
    answer = ask(say((A_SONG, ["walrus"])))
    check(answer)
    assert answer.mode == "synthesis"
    assert answer.text == f"{A_SONG} [1]"
    assert [citation.quote for citation in answer.citations] == [SANG]
    (claim,) = answer.claims
    assert (claim.verdict, claim.shown, claim.recited, claim.citations) == ("supported", True, False, (1,))
    assert answer.notes == ()


@pytest.mark.parametrize("named", [["penguin"], [], [99], ["penguin", "otter"]], ids=str)
def test_a_claim_that_another_passage_supports_is_cited_anew(ask: Ask, named: list[str | int]) -> None:
    answer = ask(say((A_SONG, named)))
    check(answer)
    (claim,) = answer.claims
    assert claim.recited
    assert claim.verdict == "supported"
    assert answer.citations[0].article.id == "walrus"


def test_passages_that_do_not_exist_are_noted_and_dropped(ask: Ask) -> None:
    answer = ask(say((A_SONG, ["walrus", 99]), (A_DANCE, [0, "penguin"])))
    check(answer)
    assert [len(claim.passages) for claim in answer.claims] == [1, 1]
    assert not any(claim.recited for claim in answer.claims)
    assert "scripted:stand-in: passages that do not exist: 0, 99" in answer.notes


def test_where_nothing_is_supported_it_abstains_and_tells_the_claims(ask: Ask) -> None:
    answer = ask(say((FALSE, ["walrus"]), (SMILED, ["penguin"])))
    check(answer)
    record = answer.as_json()
    assert (record["answer"], record["citations"], record["abstained"]) == (None, [], True)
    assert record["claim_counts"] == {"supported": 0, "partly": 1, "unsupported": 1, "shown": 0}
    assert [(claim.text, claim.shown, claim.citations) for claim in answer.claims] == [
        (FALSE, False, ()),
        (SMILED, False, ()),
    ]
    assert all(claim.reasons for claim in answer.claims)
    assert "the articles do not fully support any of the 2 claims that scripted:stand-in made" in answer.notes
    assert answer.hits


def test_what_is_not_supported_is_left_out(ask: Ask) -> None:
    answer = ask(say((FALSE, ["walrus"]), (A_SONG, ["walrus"]), (SMILED, ["penguin"])))
    check(answer)
    assert answer.text == f"{A_SONG} [1]"
    assert answer.as_json()["claim_counts"] == {"supported": 1, "partly": 1, "unsupported": 1, "shown": 1}
    assert "2 of 3 claims left out: the articles do not fully support them" in answer.notes


def test_what_is_not_supported_is_struck_through_where_that_is_wanted(ask: Ask) -> None:
    told: list[str] = []
    claims = ((FALSE, ["walrus"]), (SMILED, ["penguin"]), (A_SONG, ["walrus"]))
    answer = ask(say(*claims), show_unsupported=True, on_claim=lambda claim, _: told.append(claim.text))
    check(answer)
    assert answer.text == f"~~{FALSE}~~ (not supported) ~~{SMILED}~~ (only partly supported) [1] {A_SONG} [2]"
    assert told == [FALSE, SMILED, A_SONG]
    assert answer.as_json()["claim_counts"] == {"supported": 1, "partly": 1, "unsupported": 1, "shown": 3}
    assert "2 of 3 claims struck through: the articles do not fully support them" in answer.notes


def test_nothing_is_struck_through_where_nothing_is_supported(ask: Ask) -> None:
    told: list[Claim] = []
    claims = ((SMILED, ["penguin"]), (FALSE, ["walrus"]))
    answer = ask(say(*claims), show_unsupported=True, on_claim=lambda claim, _: told.append(claim))
    check(answer)
    assert answer.abstained
    assert told == []


def test_citations_are_numbered_as_they_appear_and_shared(ask: Ask) -> None:
    claims: list[Named] = [(A_DANCE, ["penguin"]), (A_SONG, ["walrus"]), (UNBIDDEN, ["walrus"]), (LIKED, ["walrus"])]
    answer = ask(say(*claims))
    check(answer)
    assert [citation.quote for citation in answer.citations] == [DANCED, SANG, UNASKED, CLAPPED]
    assert [claim.citations for claim in answer.claims] == [(1,), (2,), (2, 3), (4,)]


def test_no_claim_rests_on_a_sentence_that_has_changed(ask: Ask, index: Index) -> None:
    reply = saying((A_SONG, ["walrus"]), (UNBIDDEN, ["walrus"]), (A_DANCE, ["penguin"]))

    def meanwhile(messages: Sequence[Message]) -> str:
        index.add(Article(id="walrus", text=TEXTS["walrus"].replace("Nobody had", "Everybody has")))
        return reply(messages)

    answer = ask(Scripted(meanwhile), show_unsupported=True)
    assert [citation.quote for citation in answer.citations] == [SANG, DANCED]
    assert answer.text == f"{A_SONG} [1] ~~{UNBIDDEN}~~ (not supported) {A_DANCE} [2]"
    assert answer.claims[1].reasons == ("the sentence it rests on has changed",)
    withheld = [note for note in answer.notes if "withheld" in note]
    assert withheld == ["a quote from walrus was withheld: the stored text has changed; run the question again"]


def test_a_claim_that_is_withheld_leaves_no_citation_behind(ask: Ask, index: Index) -> None:
    reply = saying((UNBIDDEN, ["walrus"]), (A_DANCE, ["penguin"]))

    def meanwhile(messages: Sequence[Message]) -> str:
        index.add(Article(id="walrus", text=TEXTS["walrus"].replace("sang in Geneva", "sung in Geneva")))
        return reply(messages)

    answer = ask(Scripted(meanwhile))
    assert answer.text == f"{A_DANCE} [1]"
    assert [(citation.n, citation.quote) for citation in answer.citations] == [(1, DANCED)]


@pytest.mark.parametrize(
    ("reply", "stop", "note"),
    [
        ("I cannot help with that.", "refusal", "scripted:stand-in declined to answer"),
        ("", "refusal", "scripted:stand-in declined to answer"),
        ("", "end", "scripted:stand-in: no claims in it"),
        (" \n", "end", "scripted:stand-in found no answer in the passages"),
        ('{"claims": []}', "end", "scripted:stand-in found no answer in the passages"),
        ('{"claims": [{"text": "The wal', "length", "scripted:stand-in found no answer in the passages"),
        ('{"claims": [{"te', "end", "scripted:stand-in: cut off"),
        ("{{{{[[[", "end", "scripted:stand-in: a claim without words left out"),
        (A_SONG, "length", "scripted:stand-in was cut off after 1000 tokens; raise llm_max_tokens for more"),
    ],
)
def test_a_reply_without_a_claim_is_an_abstention_that_says_why(ask: Ask, reply: str, stop: Stop, note: str) -> None:
    answer = ask(Scripted([reply], stop=stop))
    check(answer)
    assert answer.abstained
    assert answer.writing is not None
    assert note in answer.notes


def test_prose_is_read_as_claims(ask: Ask) -> None:
    answer = ask(Scripted([f"{A_SONG} [1] {FALSE} [1]"]))
    check(answer)
    assert answer.text == f"{A_SONG} [1]"
    assert "scripted:stand-in: not JSON: read as prose" in answer.notes


def test_of_prose_that_was_cut_off_the_last_sentence_is_no_claim(ask: Ask) -> None:
    answer = ask(Scripted([f"{A_SONG} {A_DANCE} The walrus was arr"], stop="length"))
    check(answer)
    assert [claim.text for claim in answer.claims] == [A_SONG, A_DANCE]
    assert "scripted:stand-in was cut off after 1000 tokens; raise llm_max_tokens for more" in answer.notes
    assert not any(note.endswith(": cut off") for note in answer.notes)


def test_what_was_whole_before_a_reply_was_cut_off_stands(ask: Ask) -> None:
    whole = say((A_SONG, ["walrus"]), (A_DANCE, ["penguin"]))

    def cut(messages: Sequence[Message]) -> str:
        reply = "".join(piece.text for piece in whole.stream(messages))
        return reply[: reply.index("danced")]

    answer = ask(Scripted(cut, stop="length"))
    check(answer)
    assert answer.text == f"{A_SONG} [1]"


class Watching:
    """A model that looks, before it goes on, at which claims were shown; and says how much of it had been written then."""

    name = "watching:stand-in"

    def __init__(self, *claims: Named) -> None:
        self.told: list[tuple[Claim, tuple[Citation, ...]]] = []
        self.seen: list[int] = []
        self._claims = claims

    def hear(self, claim: Claim, citations: tuple[Citation, ...]) -> None:
        self.told.append((claim, citations))

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        for part in re.split(r"(?<=\},)|(?=\]\}$)", saying(*self._claims)(messages)):
            yield Piece(part)
            self.seen.append(len(self.told))
        yield Piece(stop="end", usage=Usage(1, 1, 1))

    def close(self) -> None:
        """It holds nothing."""


def test_a_claim_is_shown_when_it_is_verified_and_the_reply_is_still_being_written(ask: Ask) -> None:
    llm = Watching((A_SONG, ["walrus"]), (FALSE, ["walrus"]), (A_DANCE, ["penguin"]))
    answer = ask(llm, on_claim=llm.hear)
    assert llm.seen == [1, 1, 2, 2]
    assert [claim for claim, _ in llm.told] == [claim for claim in answer.claims if claim.shown]
    assert [citations for _, citations in llm.told] == [answer.citations[:1], answer.citations[1:]]


def test_json_tells_the_prompt_the_passages_and_what_it_took(ask: Ask) -> None:
    llm = say((A_SONG, ["walrus"]))
    record = ask(llm).as_json()
    prompt = prompts.load("answer")
    took = record["llm"]
    assert isinstance(took, dict)
    assert (took["prompt"], took["prompt_version"], took["prompt_digest"]) == ("answer", prompt.version, prompt.digest)
    assert (took["model"], took["cached"], took["requests"], took["cost"]) == ("scripted:stand-in", False, 1, 0.0)
    assert took["input_tokens"] == sum(len(message.text.split()) for message in llm.prompts[0])
    assert took["output_tokens"] > 0
    assert [name.partition("#")[0].partition(":")[0] for name in took["passages"]] == [
        name for name, _ in sorted(numbers(llm.prompts[0]).items(), key=lambda one: one[1])
    ]
    assert record["mode"] == "synthesis"


def test_the_prompt_has_the_question_and_the_passages(ask: Ask) -> None:
    llm = say((A_SONG, ["walrus"]))
    ask(llm)
    (messages,) = llm.prompts
    assert QUESTION in messages[-1].text
    assert set(numbers(messages).values()) == {1, 2, 3}


def test_a_model_that_breaks_off_is_an_error_after_what_was_shown(ask: Ask) -> None:
    told: list[str] = []
    llm = Scripted(saying((A_SONG, ["walrus"])), breaks=LLMFailed("it broke off", "Ask again"))
    with pytest.raises(LLMFailed, match="it broke off"):
        ask(llm, on_claim=lambda claim, _: told.append(claim.text))
    assert told == [A_SONG]


def test_a_prompt_that_cannot_be_filled_in_is_an_error(index: Index, tmp_path: Path) -> None:
    (tmp_path / "answer.md").write_text("+++\nname = 'answer'\n+++\n{{ nothing }}", encoding="utf-8")
    settings = index._settings.model_copy(update={"prompts": tmp_path, "llm_optional": True})
    with Index.open(index.info.path, settings=settings, embedder=index.embedder) as opened, pytest.raises(BadPrompt):
        opened.ask(QUESTION, llm=say((A_SONG, ["walrus"])))


def test_several_threads_have_their_own_claims(ask: Ask) -> None:
    at_once = threading.Barrier(4, timeout=20)
    by_question = {
        "What did the walrus do in Geneva?": (A_SONG, SANG),
        "What did the penguin do in Oslo?": (A_DANCE, DANCED),
    }

    def reply(messages: Sequence[Message]) -> str:
        at_once.wait()
        (claim,) = (claim for text, (claim, _) in by_question.items() if text in messages[-1].text)
        return reply_of((claim, []))

    llm = Scripted(reply, pieces=3)
    questions = [*by_question] * 4
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda question: ask(llm, question=question), questions))
    for question, answer in zip(questions, answers, strict=True):
        check(answer)
        claim, sentence = by_question[question]
        assert answer.text == f"{claim} [1]"
        assert answer.citations[0].quote == sentence
