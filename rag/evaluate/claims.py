"""Claims whose truth is known: what an article says, what it says in part, and what it does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rag.errors import BadInput
from rag.evaluate.gold import read_rows
from rag.types import Verdict

_LABELS = {"supported": "supported", "partially_supported": "partly", "not_supported": "unsupported"}
_QUESTION_KIND = "claim"


class ClaimRow(BaseModel):
    """A claim, the article that it was written on, and whether that supports it.

    `kind` says how the claim was made: `paraphrase`, or what was changed in it. A gold question of the kind `claim:supported`, `claim:partially_supported` or
    `claim:not_supported` is read as a claim of the kind `claim`, on its `source_doc`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    claim: str = Field(min_length=1)
    doc_id: str
    label: Verdict
    kind: str = "other"
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _of_question(cls, value: object) -> object:
        """A gold question that is a claim, as a claim."""
        if not isinstance(value, dict) or "claim" in value:
            return value
        kind, _, label = str(value.get("kind", "")).partition(":")
        if kind != _QUESTION_KIND:
            return value
        return {
            "id": value.get("id"),
            "claim": value.get("question"),
            "doc_id": value.get("source_doc"),
            "label": _LABELS.get(label),
            "kind": kind,
        }


def load_claims(path: Path) -> list[ClaimRow]:
    """The claims of a JSON-lines file.

    Raises:
        BadInput: the file or a line of it cannot be read, or two claims have the same id.
    """
    rows = read_rows(path, ClaimRow, "claim")
    twice = next((name for name, count in Counter(row.id for row in rows).items() if count > 1), None)
    if twice is not None:
        raise BadInput(f"{path} has two claims with the id {twice}", "Give each an id of its own")
    return rows
