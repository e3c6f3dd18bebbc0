"""Adding to an index and removing from it: what is read, what changed, and what happened to each article."""

from rag.add.remove import remove
from rag.add.report import AddReport, Outcome, Progress, Progressed, RemoveReport, Status
from rag.add.run import Adding, Source

__all__ = [
    "AddReport",
    "Adding",
    "Outcome",
    "Progress",
    "Progressed",
    "RemoveReport",
    "Source",
    "Status",
    "remove",
]
