"""Who speaks. All names are made up; countries are not."""

from __future__ import annotations

import pytest

from rag.answer.question import speakers_of
from rag.answer.speech.asked import speaks

_BEFORE = "Marta Velling said the dam would hold."


def _speaks(name: str, text: str, *before: str) -> bool:
    return speaks(speakers_of(f"What did {name} say?"), text, before)


@pytest.mark.parametrize(
    "text",
    [
        "Marta Velling said the dam would hold.",
        "“The dam will hold,” Velling said on Tuesday.",
        '"The dam will hold," Velling said.',
        "‘The dam will hold,’ Velling said.",
        "“The dam will hold,” said Velling.",
        "“The dam will hold,” said Marta Velling, adding that it was old.",
        "The dam would hold, said Marta Velling, the chief engineer.",
        "It is “not a matter of if but when”, Velling said, the dam would break.",
        "“The dam will hold,” Velling, an engineer at Norvik University, told the Daily Lantern.",
        "Marta Velling, a professor at the Norvik Institute, told the Daily Lantern the dam was old.",
        "Velling, who leads the institute, said the dam would hold.",
        "The mayor, Marta Velling, said the dam would hold.",
        "According to Marta Velling, the dam would hold.",
        "The dam would hold, according to Marta Velling.",
        "Asked about the dam, Velling said it would hold.",
        "Speaking in Oslo on Monday, Marta Velling warned of floods.",
        "In a statement, Velling called for calm.",
        "Velling and Brandt said the dam would hold.",
        "Velling noted that Brandt had said the dam was safe.",
        "Velling supports a new dam.",
        "Velling hopes for rain.",
        "A spokesman for Velling said she was well.",
        "Velling's spokeswoman said the dam would hold.",
    ],
)
def test_it_is_velling_who_speaks(text: str) -> None:
    assert _speaks("Marta Velling", text)
    assert _speaks("velling", text)


@pytest.mark.parametrize(
    "text",
    [
        "The dam was built in 1961.",
        "Velling was born in Norvik.",
        "“The dam will hold.”",
        "Oskar Brandt said Velling had ignored the warnings.",
        "Velling had ignored the warnings, said Oskar Brandt.",
        "Velling claimed the dam was safe, which was false, said Oskar Brandt.",
        "The dam was safe, Brandt said, though Velling disagreed.",
        "The mayor said Velling would resign.",
        "“We trust Velling,” Brandt said.",
        "“Velling said the dam would hold,” Brandt told the Daily Lantern.",
        "According to Oskar Brandt, Velling will resign.",
        "Brandt told Velling that the dam was old.",
        "The coast guard said the Velling ferry sank.",
        "Velling's lawyer said she was innocent.",
        "Velling’s lawyer argued that she was innocent.",
    ],
)
def test_it_is_not_velling_who_speaks(text: str) -> None:
    assert not _speaks("Marta Velling", text)


def test_what_is_told_to_a_newspaper_is_not_said_by_it() -> None:
    text = "Marta Velling, a professor at the Norvik Institute, told the Daily Lantern the dam was old."
    assert not _speaks("the Daily Lantern", text)


@pytest.mark.parametrize(
    "text",
    [
        "She added that the spillway was new.",
        "She later said that the spillway was new.",
        "“The spillway is new,” she said.",
    ],
)
def test_a_pronoun_belongs_to_whoever_spoke_in_the_sentence_before(text: str) -> None:
    assert _speaks("Velling", text, _BEFORE)
    assert not _speaks("Velling", text, _BEFORE, "Oskar Brandt thanked the crew.")
    assert not _speaks("Brandt", text, _BEFORE)
    assert not _speaks("Velling", text, _BEFORE, "Oskar Brandt said he was not sure.")
    assert not _speaks("Velling", text)


@pytest.mark.parametrize("text", ["“The spillway is new.”", '"The spillway is new."'])
def test_a_bare_quotation_belongs_to_whoever_was_quoted_just_before(text: str) -> None:
    assert _speaks("Velling", text, "“The dam will hold,” Marta Velling said.")
    assert not _speaks("Velling", text, _BEFORE)
    assert not _speaks("Velling", text, "“The dam will hold,” Oskar Brandt said.")
    assert not _speaks("Velling", text)


def test_a_quotation_that_goes_on_in_the_next_paragraph_is_nobody_s_yet() -> None:
    assert not _speaks("Velling", "“The spillway is new. It was tested.", "“The dam will hold,” Marta Velling said.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Webb", "A report on Webb by the auditor said nothing about grain."),
        ("Webb", "Contrary to what Webb said, grain fell, Lee Hall of Grainwatch said."),
        ("Webb", '"The minister is out of her depth", an aide to Webb said.'),
        ("Marsh", "The letter to Marsh said the plant was closed."),
        ("Hugo Marsh", "A lawyer for Hugo Marsh said he was innocent."),
        ("Marsh", "Marsh's wife, Dana, said it was over."),
        ("China", "Critics of China said steel was cheap."),
        ("China", "Norwegian officials visiting China said steel was cheap."),
        ("Brazil", "Brazilian singer Tara Blue said she loved it."),
        ("Peru", "Lima taxi driver Pete Hogg said fares rose."),
        ("Webb", "Asked whether Webb said taxes would rise, Dunn declined to comment."),
        ("Marsh", "Marsh has never said the plant would close, Grant added."),
        ("Norda", "After Norda said it would close a plant, union leader Joe Fox said workers were betrayed."),
        ("Norda", "While Norda says it is sound, critics say it is not."),
        ("Webb", "Webb's support for the dam underscores the need."),
        ("Webb", "Mr. Webb did not say that prices rose."),
    ],
)
def test_a_trap_is_nobody_s_words(name: str, text: str) -> None:
    assert not _speaks(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Webb", "A spokesman for Webb said grain was fine."),
        ("Grant", "Marsh has never said the plant would close, Grant added."),
        ("Fox", "After Norda said it would close a plant, union leader Joe Fox said workers were betrayed."),
        ("Dana", "Marsh's wife, Dana, said it was over."),
        ("Hall", "It rained, Lee Hall, an analyst at Grainwatch, said."),
        ("farmers", "The farmers say prices fell."),
        ("Norda", "Norda Inc. Chief Executive Tim Holm said sales rose."),
    ],
)
def test_it_is_who_the_question_asks_about(name: str, text: str) -> None:
    assert _speaks(name, text)


def test_a_quotation_with_a_speaker_is_not_the_last_speaker_s() -> None:
    assert not _speaks("Velling", "“It is new,” said Brandt.", _BEFORE)


def test_two_pronouns_in_a_row_go_back_to_the_name() -> None:
    assert _speaks("Velling", "She said it twice.", _BEFORE, "She added that the spillway was new.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Norway", "Norwegian officials said the ferry was overloaded."),
        ("Norway", "Norway's coast guard ministry said the ferry was overloaded."),
        ("Norway", "Oslo said the ferry was overloaded."),
        ("Brazil", "Brasilia warned that the forest was burning."),
        ("Brazil", "The Brazilian environment ministry said so."),
        ("Britain", "London said the talks had failed."),
        ("the US", "Washington said the talks had failed."),
        ("the US", "The U.S. said the talks had failed."),
        ("Japan", "The Bank of Japan said prices would rise."),
        ("Japan", "Japan's central bank said prices would rise."),
    ],
)
def test_a_country_speaks_through_its_people_capital_and_offices(name: str, text: str) -> None:
    assert _speaks(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Norway", "Sweden said Norway had been told."),
        ("Norway", "Norway was to blame, said the Swedish minister."),
        ("India", "Indiana officials said the river rose."),
        ("Austria", "Australian officials said the river rose."),
        ("Mali", "Somali officials said the river rose."),
        ("Norway", "Norway's Marta Velling said the dam would hold."),
        ("the US", "Brandt told us that the talks had failed."),
    ],
)
def test_a_country_is_not_taken_for_another_or_for_a_citizen(name: str, text: str) -> None:
    assert not _speaks(name, text)


def test_nobody_asked_about_never_speaks() -> None:
    assert not speaks(frozenset(), _BEFORE)


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Wang", "Chinese Foreign Ministry spokesperson Wang Lei"),
        ("Wang Lei", "Wang"),
        ("China", "Chinese Foreign Ministry spokesperson Wang Lei"),
        ("the Chinese foreign ministry", "Chinese Foreign Ministry spokesperson Wang Lei"),
        ("President Velling", "Velling"),
        ("President Velling", "Norwegian President Marta Velling"),
        ("the chief engineer", "Marta Velling, the chief engineer"),
        ("Norda", "Oskar Brandt, a spokesman for Norda"),
        ("US officials", "senior US officials"),
    ],
)
def test_a_known_speaker_is_or_speaks_for_who_is_asked_about(name: str, speaker: str) -> None:
    assert speaks(speakers_of(f"What did {name} say?"), "It would hold, she said.", speaker=speaker)


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("China", "Li Hai, a professor at the China University"),
        ("China", "former Chinese ambassador Li Hai"),
        ("Marta Velling", "Oskar Velling"),
        ("Marta Velling", "Marta Brandt"),
        ("President Velling", "President Brandt"),
        ("Chinese officials", "US officials"),
        ("Velling", "Velling's lawyer, Oskar Brandt"),
        ("Norda", "Norda customer Lee Hall"),
    ],
)
def test_a_known_speaker_is_not_another_who_shares_a_word(name: str, speaker: str) -> None:
    assert not speaks(speakers_of(f"What did {name} say?"), "Velling and China and Norda.", speaker=speaker)


@pytest.mark.parametrize(
    "text",
    [
        "Velling was told by Oskar Brandt that the dam was old.",
        "The dam holds, Velling, Oskar Brandt said.",
        "Asked about Velling, Oskar Brandt said the dam was old.",
        "A report on Velling said the dam was old.",
        "Velling quoted Oskar Brandt as saying the dam was old.",
    ],
)
def test_the_one_who_is_only_named_does_not_speak(text: str) -> None:
    assert not _speaks("Velling", text)


def test_a_denial_and_a_reported_quotation_are_speech() -> None:
    assert _speaks("Velling", "Velling denied that the dam was old.")
    assert _speaks("Velling", "The Daily Lantern quoted Velling as saying the dam was old.")


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Mexico", "Mexico's foreign minister Lee Hall"),
        ("the Mexican government", "Mexico's Foreign Secretary Lee Hall"),
        ("Britain", "UK Prime Minister Lee Hall"),
        ("the United Kingdom", "British Prime Minister Lee Hall"),
        ("the US", "United States President Lee Hall"),
        ("China", "China and the US"),
        ("the American embassy", "US Embassy"),
        ("Velling's government", "Prime Minister Marta Velling"),
        ("Velling's lawyer", "Velling lawyer Lee Hall"),
        ("the Saudi crown prince", "Crown Prince Lee bin Hall of Saudi Arabia"),
        ("the NDA", "Norvik Dam Association"),
        ("Lee Hall of Norda", "Norda chief executive Lee Hall"),
        ("Carroll", "Hawkins, Brandt, and Carroll"),
        ("Velling", "Velling and Brandt"),
    ],
)
def test_offices_long_names_and_lists_speak_for_whom_they_name(name: str, speaker: str) -> None:
    assert speaks(speakers_of(f"What did {name} say?"), "It would hold.", speaker=speaker)


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Velling's lawyer", "President Marta Velling"),
        ("Velling's campaign", "President Marta Velling"),
        ("Velling's wife", "President Marta Velling"),
        ("Velling's son", "Marta Velling"),
        ("Britain", "British opposition leader Lee Hall"),
        ("Britain", "British Airways chief executive Lee Hall"),
        ("China", "Chinese tech company chief Li Hai"),
        ("Turkey", "Turkish opposition party leader Lee Hall"),
        ("the White House", "The White House correspondent Lee Hall"),
        ("the UK", "US President Lee Hall"),
        ("the US embassy", "Chinese embassy"),
        ("the Mexican government", "the U.S. government"),
        ("China", "US envoy to China Lee Hall"),
    ],
)
def test_a_relative_a_rival_or_a_company_does_not_speak_for_them(name: str, speaker: str) -> None:
    assert not speaks(speakers_of(f"What did {name} say?"), "It would hold.", speaker=speaker)
