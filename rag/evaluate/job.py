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
from rag.evaluate.gold import GoldQuestion, listed, load_questions, sample
from rag.evaluate.page import Reported, write_page
from rag.evaluate.report import as_file, claims_page, measured, record, speech_record, summary
from rag.evaluate.run import Said, run
from rag.evaluate.sets import QUESTIONS, EvalSet, open_index, seeds, set_of_files, set_of_folder
from rag.evaluate.verification import ClaimRow, Verified, load_claims, load_verifier, measure
from rag.index import Index

Asking = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how many questions of a set are done: a context that gives a function of (done, of how many)."""


class Job(NamedTuple):
    """What is to be measured, and how; see `rag eval --help`."""

    folders: Sequence[Path] = ()
    gold: Path | None = None
    corpora: Sequence[Path] = ()
    speech: Path | None = None
    claims: Sequence[Path] = ()
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
    verified: Sequence[Verified] = ()

    @property
    def record(self) -> dict[str, object]:
        """All of it, as JSON."""
        found = record([one.measured for one in self.sets])
        found |= {"speech": speech_record(self.spoken)} if self.spoken else {}
        return found | ({"claims": {one.name: one.as_dict() for one in self.verified}} if self.verified else {})


def do(job: Job, settings: Settings, watch: Watch, embedder: Embedder | None = None) -> Done:
    """Measures what a job asks for. No language model is asked, whatever the settings say.

    Raises:
        BadInput: a set, a gold file, a file of claims or a corpus cannot be used.
        IndexMissing: a gold file or claims without a corpus, and no index.
    """
    _check(job)
    settings = settings.model_copy(update={"llm": None})
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
    verified = _verified(job, settings, watch, embedder)
    return Done(sets, _spoken(job, settings) if job.speech else None, verified)


def write(
    done: Done, *, out: Path | None, summary_page: Path | None, report: Path | None, verdicts: Sequence[Verdict] = ()
) -> None:
    """Writes the results to the files and the folder named."""
    if out:
        out.write_text(as_file(done.record) + "\n", encoding="utf-8")
    if summary_page:
        pages = [summary([one.measured for one in done.sets]), *map(claims_page, done.verified)]
        summary_page.write_text("\n".join(pages) + "\n", encoding="utf-8")
    if report:
        write_page(report, done.sets, verdicts=verdicts, spoken=done.spoken)


def _check(job: Job) -> None:
    if job.folders and job.gold:
        raise BadInput("folders and --gold cannot be measured at once", "Run them one after the other")
    if job.corpora and not (job.gold or job.speech or job.claims):
        raise BadInput("--corpus goes with --gold, --speech or --claims", "Name the gold file as well")
    _each_once([_name_of(path) for path in job.claims])


def _chosen(job: Job) -> list[EvalSet]:
    if job.gold:
        return [set_of_files(job.gold, job.corpora)]
    if job.folders or job.speech or job.claims:
        found = [set_of_folder(folder) for folder in job.folders]
        _each_once([chosen.name for chosen in found])
        return found
    return [seeds()]


def _each_once(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadInput(f"two sets are called {twice}", "Rename one of them")


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


def _verified(job: Job, settings: Settings, watch: Watch, embedder: Embedder | None) -> list[Verified]:
    """Every file of claims, measured on one index of the corpora, or else on the settings' index."""
    if not job.claims:
        return []
    files = {_name_of(path): _picked(load_claims(path), job) for path in job.claims}
    name, found = next(iter(files)), []
    chosen = set_of_files(job.claims[0], job.corpora)._replace(name=name)
    with _opened(chosen, job, settings, watch, embedder) as index:
        verifier = load_verifier(index, settings, watch.notice)
        for name, rows in files.items():
            with watch.asking(name) as progress:
                found.append(measure(index, rows, verifier, progress, name=name))
    return found


def _name_of(path: Path) -> str:
    """What to call a file of claims; one in the folder of a set is called as the folder is."""
    return path.resolve().parent.name if path.name == QUESTIONS else path.stem


def _picked(rows: Sequence[ClaimRow], job: Job) -> list[ClaimRow]:
    """The claims that the job's list names, and no more than its limit."""
    questions = [
        GoldQuestion(id=row.id, question=row.claim, kind=row.kind, answerable=row.label != "unsupported")
        for row in rows
    ]
    kept = {question.id for question in sample(listed(questions, job.only), job.limit)}
    return [row for row in rows if row.id in kept]
