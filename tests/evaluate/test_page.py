from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rag.evaluate.attribution import Heard, Speech, Spoken, speech_figures
from rag.evaluate.excerpts import Cover
from rag.evaluate.gate import compare
from rag.evaluate.page import Reported, html, write_page
from rag.evaluate.plots import Plot, plots
from rag.evaluate.report import measured
from rag.evaluate.run import Run, Said
from tests.evaluate.build import declined, fabled, right, run_of, wrong

_HARM = '<script>alert("&")</script>'


class _Page(HTMLParser):
    """Tags, what they refer to, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.refers: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "data", "srcset"}:
                self.refers.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


def _run(name: str = "news") -> Run:
    results = [right(f"a{n}", confidence=0.5 + n / 100) for n in range(30)]
    results += [wrong("w", question=_HARM, kind=_HARM, confidence=0.8), fabled("f", confidence=0.7), declined("d")]
    return run_of(results, gold=name)


@pytest.fixture(scope="module")
def drawn() -> list[Plot]:
    return plots([_run("one"), _run("two")])


def _reported(run: Run) -> Reported:
    return Reported(measured(run), {"w": Said(_HARM, "A & B", "<b>")})


def test_the_page_stands_alone(drawn: list[Plot]) -> None:
    page = _Page(html([_reported(_run("one")), _reported(_run("two"))], drawn))
    assert {"link", "script", "img", "iframe"}.isdisjoint(page.tags)
    assert page.refers
    assert all(reference.startswith("#") for reference in page.refers)
    assert {reference[1:] for reference in page.refers} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert page.tags.count("svg") == 2


def test_what_comes_from_gold_sets_is_escaped(drawn: list[Plot]) -> None:
    page = html([_reported(_run("one"))], drawn)
    assert _HARM not in page
    assert _HARM in _Page(page).words


def test_the_page_shows_figures_classes_and_the_worst(drawn: list[Plot]) -> None:
    words = _Page(html([_reported(_run("one"))], drawn)).words
    assert "passage hit@1" in words
    assert "0.968" in words  # 30 of 31
    assert "answered though unanswerable: near miss" in words
    assert "A & B" in words


def test_the_page_shows_a_comparison_and_sentences(drawn: list[Plot]) -> None:
    turned = run_of([right("a0", abstained=True, right=False), *_run().results[1:]])
    heard = [
        Heard(Speech(id="s1", doc_id="a", quote="It rained, she said.", speaker="Jane Doe"), "John Roe", None, None)
    ]
    page = html(
        [_reported(_run())],
        drawn,
        verdicts=[compare(_run(), turned)],
        spoken=Spoken("speech.jsonl", heard, speech_figures(heard)),
    )
    words = " ".join(_Page(page).words.split())
    assert "0 questions better, 1 worse, 0 otherwise changed" in words
    assert "It rained, she said." in words
    assert "wrong speaker" in words


def test_the_published_table_stands_beside_the_set_that_it_is_about(drawn: list[Plot]) -> None:
    covered = run_of([right("a", excerpts=Cover(8, 100, 2, 10))], published=True, excerpt_passages=5)
    words = " ".join(_Page(html([_reported(covered)], drawn)).words.split())
    assert "ClusterSemanticChunker" in words
    row = words[words.index("this index") :].partition("RecursiveCharacterTextSplitter")[0]
    assert row.endswith("80.08.07.8 ")
    assert "ClusterSemanticChunker" not in html([_reported(_run())], drawn)


def test_plots_are_pictures_with_every_set(drawn: list[Plot]) -> None:
    assert [plot.name for plot in drawn] == ["risk-coverage", "reliability"]
    for plot in drawn:
        assert plot.png.startswith(b"\x89PNG")
        texts = "".join(ET.fromstring(plot.svg).itertext())  # noqa: S314 - our own
        assert "one (" in texts
        assert "two (" in texts
    reliability = "".join(ET.fromstring(drawn[1].svg).itertext())  # noqa: S314
    assert "66" not in reliability
    assert "22" in reliability  # two sets with ten answers each of .51 to .60, and one at .5 below


def test_plots_are_the_same_every_time(drawn: list[Plot]) -> None:
    assert plots([_run("one"), _run("two")]) == drawn


def test_a_plot_of_one_question_is_drawn() -> None:
    assert len(plots([run_of([right("a")])])) == 2


def test_a_report_is_a_folder(tmp_path: Path) -> None:
    page = write_page(tmp_path / "new" / "report", [_reported(_run())])
    assert page.name == "index.html"
    assert {path.name for path in page.parent.iterdir()} == {
        "index.html",
        "risk-coverage.png",
        "risk-coverage.svg",
        "reliability.png",
        "reliability.svg",
    }
