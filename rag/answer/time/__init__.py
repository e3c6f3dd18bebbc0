"""What a question says about time, and which passages are of that time."""

from rag.answer.time.timing import REPORTED_WITHIN, Timed, apply, label, newest_first, staleness
from rag.answer.time.when import When, when

__all__ = ["REPORTED_WITHIN", "Timed", "When", "apply", "label", "newest_first", "staleness", "when"]
