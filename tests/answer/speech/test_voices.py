"""Who said it, over a whole article. All names are made up; countries are not."""

from __future__ import annotations

import pytest

from rag.answer.speech.voices import Attribution, attribution, attributions
from rag.types import Article, Mark, Span

_OPENING = "The dam of Norvik is old."


def _article(text: str, name: str = "a") -> Article:
    return Article(id=name, text=text)


def _said(text: str) -> list[Attribution | None]:
    return [found for _, found in attributions(_article(text))]


def _speakers(text: str) -> list[str | None]:
    return [found and found.speaker for found in _said(text)]


@pytest.mark.parametrize(
    ("text", "speaker", "verb", "addressee"),
    [
        ("Marta Velling said the dam would hold.", "Marta Velling", "said", None),
        ("“The dam will hold,” said Marta Velling.", "Marta Velling", "said", None),
        ("“It will hold,” warned engineer Marta Velling on Monday.", "engineer Marta Velling", "warned", None),
        ("“It will hold,” Marta Velling told the Daily Lantern.", "Marta Velling", "told", "the Daily Lantern"),
        ("Marta Velling told reporters in Geneva that it would hold.", "Marta Velling", "told", "reporters"),
        ("Marta Velling told The Norvik Post repairs were late.", "Marta Velling", "told", "The Norvik Post"),
        ("In an interview with the Lantern, Marta Velling said it was old.", "Marta Velling", "said", "the Lantern"),
        ("Marta Velling explained to the Lantern that it was old.", "Marta Velling", "explained", "the Lantern"),
        ("According to Marta Velling, the dam would hold.", "Marta Velling", "According to", None),
        ("The dam would hold, according to Norvik police.", "Norvik police", "according to", None),
        ("In a statement, the coast guard called for calm.", "the coast guard", "called", None),
        ("Oskar Brandt, a spokesman for Norda, said it was safe.", "Oskar Brandt, a spokesman for Norda", "said", None),
        ("The mayor of Norvik, Marta Velling, wrote: “It holds.”", "The mayor of Norvik, Marta Velling", "wrote", None),
        ("Reuters quoted officials as saying it was old.", "officials", "saying", None),
        ("Marta Velling was quoted as saying it was old.", "Marta Velling", "saying", None),
        ("He was told by Minister Oskar Brandt that it was old.", "Minister Oskar Brandt", "told", None),
        ("Marta Velling on Tuesday denied that it was old.", "Marta Velling", "denied", None),
        (
            "Marta Velling of Norvik, Norway, on Tuesday admitted it was old.",
            "Marta Velling of Norvik, Norway",
            "admitted",
            None,
        ),
        (
            "Josh Hall, the head of another tenant, Norvik Theater, said it was old.",
            "Josh Hall, the head of another tenant, Norvik Theater",
            "said",
            None,
        ),
        ("Yesterday, Norway's envoy, Lee Hall, said it was old.", "Norway's envoy, Lee Hall", "said", None),
        ("Sheriff Lee Hall addressed the crowd: “Go home.”", "Sheriff Lee Hall", "addressed", None),
        ("“Go home and wait,” – Lee Hall.", "Lee Hall", "said", None),
        ("Officials who asked not to be named said it was old.", "Officials", "said", None),
        ("A number of senators condemned the plan.", "A number of senators", "condemned", None),
        ("Prime Minister Marta May said it was old.", "Prime Minister Marta May", "said", None),
        ("An official said it was old, the Lantern reported.", "An official", "said", None),
        ("According to Reuters, Marta Velling said it was old.", "Marta Velling", "said", None),
        ("According to the filing, Norda disclosed the crack in May.", "the filing", "According to", None),
        ("The event description read, “We will all march.”", "The event description", "read", None),
        ("Velling's statement read: “It will hold.”", "Velling", "read", None),
        ("Marta Velling went on to say it was old.", "Marta Velling", "say", None),
        ("Asked about Norda, Marta Velling said it was old.", "Marta Velling", "said", None),
    ],
)
def test_a_sentence_tells_who_says_it(text: str, speaker: str, verb: str, addressee: str | None) -> None:
    assert attribution(_article(text), Span(0, len(text))) == Attribution(speaker, verb, addressee)


@pytest.mark.parametrize(
    "text",
    [
        _OPENING,
        "Marta Velling did not say that the dam was old.",
        "Marta Velling had not, as of Monday, announced any plans.",
        "Marta Velling declined to say whether the dam was old.",
        "The dam was said to be old.",
        "I said the dam was old.",
        "Several alleged accomplices left.",
        "The crisis claimed forty lives.",
        "The House confirmed him on Monday.",
        "The spray, called Norvite, is old.",
        "It was called a “beta”.",
        "He said the dam was old.",
        "Cracks reported in May were repaired.",
    ],
)
def test_a_sentence_in_which_nobody_speaks(text: str) -> None:
    assert attribution(_article(text), Span(0, len(text))) is None


def test_a_surname_goes_back_to_its_introduction() -> None:
    text = (
        "Norwegian dam agency spokeswoman Marta Velling opened the gate. Oskar Brandt, the mayor of Norvik, watched.\n\n"
        "“The dam will hold,” Velling told the Lantern. Brandt said it was old. Mr Brandt also warned of floods."
    )
    mayor = "Oskar Brandt, the mayor of Norvik"
    assert _speakers(text)[2:] == ["Norwegian dam agency spokeswoman Marta Velling", mayor, mayor]


def test_a_surname_of_two_people_stays_as_it_is() -> None:
    text = "Lawyer Marta Velling met farmer Ole Velling. Velling said the dam was old."
    assert _speakers(text)[-1] == "Velling"
    text = "Lawyer Marta Velling said it was new. She met farmer Ole Velling. Velling said the dam was old."
    assert _speakers(text)[-1] == "Velling"


_PRINCIPAL = "Mayor Marta Velling opened the dam. Velling cut a ribbon. Engineers cheered Velling.{middle} Velling said the dam was old."


@pytest.mark.parametrize(
    ("middle", "speaker"),
    [
        (" The boat of Hunter Velling sank in a storm. It was late when the rain stopped.", "Velling"),
        (" Hunter Velling's boat was there.", "Mayor Marta Velling"),
        (" Her son Hunter Velling left.", "Velling"),
        (
            " The younger Velling left. Her son Hunter Velling had arrived at noon, before the rain."
            + " It rained." * 30,
            "Mayor Marta Velling",
        ),
    ],
)
def test_a_surname_alone_is_whom_the_article_called_so_before_it_named_another(middle: str, speaker: str) -> None:
    assert _speakers(_PRINCIPAL.format(middle=middle))[-1] == speaker


def test_a_surname_alone_is_whom_the_headline_means_by_it() -> None:
    text = (
        "President Marta Velling met her cousin Ole Velling at noon." + " It rained." * 40 + " Velling said it was old."
    )
    plain = Article(id="plain", text=text, title="Rain falls in Norvik")
    headed = Article(id="headed", text=text, title="President Velling: dam is old")
    assert attributions(plain)[-1][1] == Attribution("Velling", "said")
    assert attributions(headed)[-1][1] == Attribution("President Marta Velling", "said")


def test_the_elder_of_two_stays_as_it_is() -> None:
    text = "Mayor Marta Velling spoke. Velling left. Velling ate. Ole Velling slept." + " It rained." * 40
    assert _speakers(f"{text} The elder Velling said it was old.")[-1] == "The elder Velling"


@pytest.mark.parametrize(
    ("before", "short", "speaker"),
    [
        ("Party nominee Gloria La Ranta arrived.", "La Ranta", "Party nominee Gloria La Ranta"),
        (
            "Norway's Foreign Secretary Marta Velling arrived.",
            "The foreign minister",
            "Norway's Foreign Secretary Marta Velling",
        ),
        ("Ole Brandt wrote to the Norwegian embassy in Paris.", "The embassy", "Norwegian embassy"),
        (
            "The letter went to the Norwegian Department of Trade.",
            "The Trade Department",
            "Norwegian Department of Trade",
        ),
        ("The Norvik Lantern published a long report on the dam.", "The report", "The Norvik Lantern"),
        ("Norway and Sweden met in Oslo.", "Both countries", "Norway and Sweden"),
    ],
)
def test_a_short_name_goes_back_to_the_only_fuller_one(before: str, short: str, speaker: str) -> None:
    assert _speakers(f"{before} {short} said it would hold.")[-1] == speaker


@pytest.mark.parametrize(
    ("before", "short"),
    [
        ("Finance Secretary Marta Velling arrived.", "The foreign minister"),
        ("The Norwegian embassy and the Swedish embassy closed.", "The embassy"),
        ("The Norwegian Department of Trade met the Swedish Department of Trade.", "The Trade Department"),
        ("The Lantern published a report on the dam. The Herald published a report on the rain.", "The report"),
        ("Norway and Sweden met Denmark and Finland.", "Both countries"),
    ],
)
def test_a_short_name_of_two_stays_as_it_is(before: str, short: str) -> None:
    assert _speakers(f"{before} {short} said it would hold.")[-1] == short


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Hall, Fox, and Brandt all argued it was old.", "Hall, Fox, and Brandt"),
        ("Lee Hall, Tara Fox and Ole Brandt said it was old.", "Lee Hall, Tara Fox and Ole Brandt"),
        ("On Monday, Lee Hall, Tara Fox and Ole Brandt said it was old.", "Lee Hall, Tara Fox and Ole Brandt"),
        ("In Paris, France, Hall and Brandt said it was old.", "Hall and Brandt"),
        ("It rained in Oslo, Norway, and Brandt said it was old.", "Brandt"),
        (
            "Norvik signed the law, therefore, officials have pointed out the risks, said Velling, noting the dam was old.",
            "Velling",
        ),
        ("Norda's notice said it was old.", "Norda"),
        ("Norda's quarterly report said it was old.", "Norda"),
        ("Monday's report said it was old.", "Monday's report"),
        ("According to a statement released by Norda, it was old.", "Norda"),
        ("According to a report on Norda, it was old.", "a report"),
        ("According to the Commission on Dams, it was old.", "the Commission on Dams"),
        (
            "Dana Fox, a UN rapporteur for the Office of Dams who had seen the site, cautioned it was old.",
            "Dana Fox",
        ),
        ("Hugo Fox held a press conference claiming it was old.", "Hugo Fox"),
        ("Hugo Fox addressed reporters, calling for a new dam.", "Hugo Fox"),
        ("Hugo Fox left the party, accusing Velling of theft.", "Hugo Fox"),
        ("Hugo Fox slammed Velling for the delay.", "Hugo Fox"),
        ("Hugo Fox attacked the press for the delay.", "Hugo Fox"),
        ("Hugo Fox credited the crew with the rescue.", "Hugo Fox"),
        ("Hugo Fox endorsed the new dam.", "Hugo Fox"),
        ("Hugo Fox implied it was old.", "Hugo Fox"),
        ("Norvik police identified the driver as Hugo Fox.", "Norvik police"),
        ("The Lantern regarded the plan as late.", "The Lantern"),
        ("Hugo Fox is calling for a new dam.", "Hugo Fox"),
        ("Hugo Fox made a fool of himself when he claimed it was new.", "Hugo Fox"),
        ("On live television Fox said it was old.", "Fox"),
        ("A few days later, Hugo Fox warned it was old.", "Hugo Fox"),
    ],
)
def test_a_frame_of_newswriting_tells_who_says_it(text: str, speaker: str) -> None:
    assert _speakers(text) == [speaker]


@pytest.mark.parametrize(
    "text",
    [
        "The Senate confirmed judge Hall to the court.",
        "The Senate confirmed Lee Hall.",
        "Three candidates confirmed for the debate.",
        "The insider who wrote Norvik Times columns was revealed to be Lee Hall.",
        "E-mails detailed the sales and alleged bribery.",
        "Hurricane Zeta slammed Norvik for two days.",
        "Two ships attacked a Norwegian tanker.",
        "The party is based on old teachings, advocating for thrift.",
        "Norvik is a plan outlining the cost.",
        "Citing alleged theft, it closed.",
        "The case against Velling is that, in the time of Lee Hall, he said nothing new.",
    ],
)
def test_an_act_that_is_no_speech_has_no_speaker(text: str) -> None:
    assert _speakers(f"Lawyer Lee Hall met farmer Hugo Velling. {text}")[-1] is None


def test_a_pronoun_is_whom_a_body_s_words_are_about() -> None:
    text = "The Lantern revealed that, in May, Prince Lee Hall took the blame for the death of Ole Brandt. Speaking to Ann Fox of Norvik Radio, he said it was over."
    assert _said(text)[-1] == Attribution("Prince Lee Hall", "said", "Ann Fox of Norvik Radio")
    both = "The Lantern revealed that Prince Lee Hall met Mr Ole Brandt. Mr Brandt left. He said it was over."
    assert _speakers(both)[-1] != "Prince Lee Hall"


def test_a_name_that_looks_like_a_role_is_a_name() -> None:
    assert _speakers("Hunter Velling met Peter Fox. Fox said it was old.")[-1] == "Peter Fox"


def test_the_next_of_a_list_describes_nobody() -> None:
    text = "Minister Lee Hall, Mayor Tara Fox and others met. Hall said it was old."
    assert _speakers(text)[-1] == "Minister Lee Hall"


def test_initials_go_back_to_the_long_form() -> None:
    text = "The Norvik Dam Authority (NDA) was founded in 1961. The NDA said the dam would hold."
    assert _speakers(text)[-1] == "Norvik Dam Authority"


@pytest.mark.parametrize(
    ("before", "role"),
    [
        ("Environment minister Marta Velling visited Norvik.", "The minister"),
        ("A fire officer said it was old.", "The officer"),
        ("The Norvik water agency said it was old.", "The agency"),
    ],
)
def test_a_short_role_goes_back_to_the_only_one_who_has_it(before: str, role: str) -> None:
    known = before.partition(" visited")[0].partition(" said")[0]
    assert _speakers(f"{before} {role} said it would hold.")[-1] == known


def test_a_short_role_of_two_stays_as_it_is() -> None:
    text = "Finance minister Lee Hall met labour minister Tara Blue. The minister said it was old."
    assert _speakers(text)[-1] == "The minister"


@pytest.mark.parametrize(
    ("before", "pronoun", "speaker"),
    [
        ("Marta Velling said the dam was old.", "She", "Marta Velling"),
        ("Engineer Marta Velling inspected the dam.", "She", "Engineer Marta Velling"),
        ("Norvik police said the dam was old.", "They", "Norvik police"),
        ("The water ministry said the dam was old.", "It", "The water ministry"),
        ("Mr Oskar Brandt said the dam was old.", "She", None),
        ("Spokeswoman Marta Velling said the dam was old.", "He", None),
        ("Engineer Marta Velling met engineer Dana Fox.", "She", None),
        ("The water ministry said the dam was old.", "He", None),
        (_OPENING, "She", None),
    ],
)
def test_a_pronoun_goes_back_to_whom_it_can_only_mean(before: str, pronoun: str, speaker: str | None) -> None:
    assert _speakers(f"{before} {pronoun} added that it would hold.")[-1] == speaker


def test_a_bare_quotation_belongs_to_whoever_was_quoted_just_before() -> None:
    text = "“The dam will hold,” said Marta Velling. “The spillway is new.”\n\n“We tested it.”\n\nIt rained."
    assert _speakers(text) == ["Marta Velling"] * 3 + [None]


def test_a_bare_quotation_after_other_words_is_nobody_s() -> None:
    assert _speakers("Marta Velling said it was old. It rained. “The spillway is new.”")[-1] is None


def test_a_quotation_runs_over_paragraphs_until_its_mark_closes() -> None:
    text = (
        "“The dam is old,” said Marta Velling. “It was built by hand.\n\n"
        "“It was tested twice. Nobody was hurt.\n\n“It will hold.”\n\nIt rained."
    )
    assert _speakers(text) == ["Marta Velling"] * 5 + [None]


def test_a_quotation_takes_the_speaker_named_at_its_end() -> None:
    text = "“The dam is old.\n\n“It will hold,” said Marta Velling.\n\nIt rained."
    assert _speakers(text) == ["Marta Velling", "Marta Velling", None]


def test_words_inside_a_quotation_name_no_speaker() -> None:
    assert _speakers("“Oskar Brandt said it was old,” Marta Velling told the Lantern.") == ["Marta Velling"]


def test_a_printed_interview_is_said_by_whoever_has_the_turn() -> None:
    turns = [
        "((QQ)) Is it old?",
        "((Marta Velling)) It is. Brandt said so.",
        "((QQ)) Why?",
        "((Marta Velling)) It rained.",
    ]
    speakers = _speakers("\n\n".join([_OPENING, *turns]))
    assert speakers == [None, "QQ", *["Marta Velling"] * 2, "QQ", "Marta Velling"]


def test_an_interviewer_s_initials_go_back_to_a_name_and_only_for_a_paragraph() -> None:
    turns = [
        "((NW)) Is it old?",
        "((Marta Velling)) It is.",
        "((NW)) Why? Did you know Brandt said it was new?",
        "It rained, said the children.",
        "((OPQ)) And now?",
        "((Marta Velling)) Nothing.",
    ]
    text = "\n\n".join(["Olga P. Quist wore red.", *turns])
    article = Article(id="interview", text=text, title="Engineer tells Newswire about her dam")
    speakers = [found and found.speaker for _, found in attributions(article)]
    assert speakers == [None, "Newswire", "Marta Velling", "Newswire", None, None, "Olga P. Quist", "Marta Velling"]


def test_a_span_of_two_speakers_has_none() -> None:
    text = "Marta Velling said it was old. Oskar Brandt said it was new. It rained."
    article = _article(text)
    first = text.index(". ") + 1
    assert attribution(article, Span(0, first)) == Attribution("Marta Velling", "said")
    assert attribution(article, Span(0, len(text))) is None
    assert attribution(article, Span(text.index("It rained"), len(text))) is None


def test_what_is_not_the_story_says_nothing() -> None:
    text = "Marta Velling said it was old.\n\nOskar Brandt is a reporter who said much."
    article = Article(id="b", text=text, marks=(Mark(start=text.index("Oskar"), end=len(text), kind="biography"),))
    assert [text[where.start : where.end] for where, _ in attributions(article)] == ["Marta Velling said it was old."]


def test_an_article_with_the_same_id_and_another_text_is_read_anew() -> None:
    said, rained = "Marta Velling said it was old.", "It rained on Marta Velling all."
    assert attribution(_article(said, "same"), Span(0, 5)) == Attribution("Marta Velling", "said")
    assert attribution(_article(rained, "same"), Span(0, 5)) is None


def test_many_articles_can_be_read() -> None:
    for number in range(40):
        text = f"Marta Velling said there were {number} dams."
        assert attribution(_article(text, f"n{number}"), Span(0, len(text))) == Attribution("Marta Velling", "said")


@pytest.mark.parametrize(
    "text", ["“", "”", "“”", '"', "said", ", said", "said X", "((", "“a” said", "…", "— X", "’s said,", "to say"]
)
def test_scraps_of_text_break_nothing(text: str) -> None:
    assert all(found is None or found.speaker for found in _said(f"{text}\n\n{text}"))
