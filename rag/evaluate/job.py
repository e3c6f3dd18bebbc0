"""What `rag eval` does: which sets, run on which index, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from rag.add import Progress
from rag.config import Settings
from rag.embed import Embedder
from rag.errors import BadInput
from rag.evaluate import attribution
from rag.evaluate.attribution import Spoken
from rag.evaluate.gate import Verdict
from rag.evaluate.gold import listed, load_questions, sample
from rag.evaluate.page import Reported, write_page
from rag.evaluate.report import as_file, measured, record, speech_record, summary
from rag.evaluate.run import Said, run
from rag.evaluate.sets import EvalSet, open_index, seeds, set_of_files, set_of_folder
from rag.index import Index

Asking = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how many questions of a set are done: a context that gives a function of (done, of how many)."""


class Job(NamedTuple):
    """What is to be measured, and how; see `rag eval --help`."""

    folders: Sequence[Path] = ()
    gold: Path | None = None
    corpora: Sequence[Path] = ()
    speech: Path | None = None
    limit: int | None = None
    passages: int | None = None
    cache: Path | None = None
    only: Path | None = None
    as_of: str | None = None


class Watch(NamedTuple):
    """Who is told what happens meanwhile."""

    notice: Callable[[str], None]
    adding: Callable[[], AbstractContextManager[Progress]]
    asking: Asking


class Done(NamedTuple):
    """What was measured."""

    sets: list[Reported]
    spoken: Spoken | None

    @property
    def record(self) -> dict[str, object]:
        """All of it, as JSON."""
        found = record([one.measured for one in self.sets])
        return found | ({"speech": speech_record(self.spoken)} if self.spoken else {})


def do(job: Job, settings: Settings, watch: Watch, embedder: Embedder | None = None) -> Done:
    """Measures what a job asks for.

    Raises:
        BadInput: a set, a gold file or a corpus cannot be used.
        IndexMissing: a gold file without a corpus, and no index.
    """
    _check(job)
    sets = []
    for chosen in _chosen(job):
        questions = sample(listed(load_questions(chosen.gold), job.only), job.limit)
        said: dict[str, Said] = {}
        with _opened(chosen, job, settings, watch, embedder) as index, watch.asking(chosen.name) as progress:
            finished = run(
                index,
                questions,
                gold=chosen.name,
                min_confidence=settings.min_confidence,
                excerpt_passages=job.passages,
                as_of=job.as_of,
                said=said.__setitem__,
                progress=progress,
            )
        sets.append(Reported(measured(finished), said))
    return Done(sets, _spoken(job, settings) if job.speech else None)


def write(
    done: Done, *, out: Path | None, summary_page: Path | None, report: Path | None, verdicts: Sequence[Verdict] = ()
) -> None:
    """Writes the results to the files and the folder named."""
    if out:
        out.write_text(as_file(done.record) + "\n", encoding="utf-8")
    if summary_page:
        summary_page.write_text(summary([one.measured for one in done.sets]) + "\n", encoding="utf-8")
    if report:
        write_page(report, done.sets, verdicts=verdicts, spoken=done.spoken)


def _check(job: Job) -> None:
    if job.folders and job.gold:
        raise BadInput("folders and --gold cannot be measured at once", "Run them one after the other")
    if job.corpora and not (job.gold or job.speech):
        raise BadInput("--corpus goes with --gold or --speech", "Name the gold file as well")


def _chosen(job: Job) -> list[EvalSet]:
    if job.gold:
        return [set_of_files(job.gold, job.corpora)]
    if job.folders or job.speech:
        found = [set_of_folder(folder) for folder in job.folders]
        names = [chosen.name for chosen in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise BadInput(f"two sets are called {twice}", "Rename one of the folders")
        return found
    return [seeds()]


def _opened(chosen: EvalSet, job: Job, settings: Settings, watch: Watch, embedder: Embedder | None) -> Index:
    if not chosen.corpora:
        return Index.open(settings=settings, embedder=embedder, notice=watch.notice)
    cache = job.cache or settings.cache / "eval"
    with watch.adding() as progress:
        return open_index(chosen, settings, cache, embedder=embedder, notice=watch.notice, progress=progress)


def _spoken(job: Job, settings: Settings) -> Spoken | None:
    if not job.speech:
        return None
    sentences = attribution.load_speech(job.speech)
    corpora = set_of_files(job.speech, job.corpora).corpora
    heard = attribution.hear(sentences, attribution.read_articles(corpora, settings))
    return Spoken(job.speech.name, heard, attribution.speech_figures(heard))
