"""The folder of a reranker that is ready to run.

reranker.json    the card: identity, prompt, provenance, the SHA-256 of the other files
model.onnx       token ids of one question and text in, `score` out
weights.bin      the weights, where they are not inside `model.onnx`
tokenizer.json   as the `tokenizers` library reads it; neither pads nor truncates
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from rag.embed.source import file_sha256
from rag.errors import ModelMissing
from rag.rerank.base import RerankerInfo

FORMAT = 1
CARD_FILE = "reranker.json"


class Card(BaseModel):
    """What `reranker.json` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    info: RerankerInfo
    label: str = ""
    """The label whose probability, in 0..1, is the score; "": a score that ranks, of any size."""
    prompt: str = ""
    """Stands before every question."""
    heads: int = 0
    """The attention heads of a layer, which the graph alone does not tell; 0: not known."""
    width: int = 0
    """The size of a token's vector; 0: not known."""
    provenance: dict[str, Any] = {}
    """How the model was made: training data, licences, library versions, for people to read."""
    files_sha256: dict[str, str]


def is_reranker(folder: Path) -> bool:
    """Whether a folder is ready to run, as opposed to a model that must be exported first."""
    return (folder / CARD_FILE).is_file()


def read_card(folder: Path) -> Card:
    """The card of a folder.

    Raises:
        OSError: there is none.
        ValueError: it is not a card.
    """
    return Card.model_validate_json((folder / CARD_FILE).read_bytes())


def write_card(folder: Path, info: RerankerInfo, **said: Any) -> None:
    """Writes the card of a folder that has all its other files.

    Args:
        folder: the folder.
        info: the model's identity.
        said: the card's other fields.
    """
    hashes = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.name != CARD_FILE}
    card = Card(format=FORMAT, info=info, files_sha256=hashes, **said)
    (folder / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def verify(folder: Path) -> None:
    """Checks every file of a folder against the card.

    Raises:
        ModelMissing: one is not there, or is not the one that the card names.
    """
    try:
        hashes = read_card(folder).files_sha256
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{folder / CARD_FILE} cannot be read", "Install or export the reranker again") from error
    for name, sha256 in hashes.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != sha256:
            raise ModelMissing(f"{path} is damaged or missing", "Install or export the reranker again")
