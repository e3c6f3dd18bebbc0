"""Settings: defaults < `rag.toml` < `RAG_*` environment < command-line flags. Unknown keys are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag import resources
from rag.errors import BadConfig

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
CONFIG_FILE = "rag.toml"
_PREFIX = "RAG_"


def _default_index() -> Path:
    root = resources.checkout()
    return root / "index" if root else Path(platformdirs.user_data_dir("rag")) / "index"


PARTS = ("cosine", "sentence", "phrases", "bm25", "coverage")
"""The parts of the ranking of passages, as `rag.evidence.FEATURES` describes them."""


class Settings(BaseModel):
    """Everything a user can set. Numbers are bounded; a key that is not here is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: Path = Field(default_factory=_default_index, description="folder of the index")
    cache: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("rag")),
        description="folder of the exported models",
    )
    model: str | None = Field(
        default=None, description="embedding model, by name or folder; None: the index's own, or the default"
    )
    k: int = Field(default=5, ge=1, le=100, description="passages that an answer shows")
    candidates: int = Field(default=100, ge=1, le=10_000, description="passages each retriever proposes")
    dense_weight: float = Field(
        default=0.75, ge=0.0, le=1.0, description="weight of the dense score in the fused score"
    )
    rerank: str = Field(
        default="small",
        min_length=1,
        description="small: the model that comes with this package reads the best sentences; none: nothing is read; else a"
        " cross-encoder, by name or folder, that also reorders the best passages",
    )
    leave_out: frozenset[str] = Field(
        default=frozenset(),
        description="parts of the ranking of passages that do not count, for measuring what each adds: "
        + ", ".join(PARTS),
    )
    rerank_passages: int = Field(default=16, ge=1, le=100, description="passages that such a cross-encoder reorders")
    min_confidence: float = Field(default=0.2, ge=0.0, le=1.0, description="confidence under which `ask` abstains")
    llm: str | None = Field(
        default=None,
        description="language model that writes the answer, as PROVIDER:NAME; None: the articles' own sentences",
    )
    llm_optional: bool = Field(default=False, description="answer with the articles' sentences where the model fails")
    llm_passages: int = Field(default=8, ge=1, le=50, description="passages that the language model is given")
    llm_max_tokens: int = Field(default=1_000, ge=16, description="tokens that it may write")
    llm_timeout: float = Field(default=60.0, gt=0, description="seconds that one of its replies may take")
    llm_retries: int = Field(default=3, ge=0, le=10, description="further tries after a failure that may pass")
    llm_temperature: float = Field(default=0.0, ge=0.0, le=2.0, description="its temperature")
    llm_cache_mb: float = Field(default=50.0, ge=0, description="replies kept, in megabytes; 0: none")
    show_unsupported: bool = Field(default=False, description="show claims that nothing supports, struck through")
    entail: str | None = Field(
        default=None, min_length=1, description="entailment model, by name or folder, that checks claims as well"
    )
    prompts: Path | None = Field(
        default=None, description="folder of prompts that replace those that come with this package"
    )
    lock_seconds: float = Field(default=10.0, ge=0, description="seconds that a writer waits for another one")
    vectors: Literal["float32", "float16"] = Field(
        default="float32", description="how a new index stores the vectors of passages"
    )
    passage_tokens: int = Field(default=180, ge=16, le=510, description="model tokens a passage holds at most")
    device: str = Field(default="cpu", description="where passages are embedded: cpu, cuda, mps or auto")
    max_file_mb: float = Field(default=10.0, gt=0, description="files larger than this are skipped")
    max_question_chars: int = Field(default=2_000, ge=1, description="questions longer than this are refused")
    encoding: str = Field(default="utf-8", description="character encoding of text files")

    @field_validator("leave_out", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """A list may be written with commas."""
        return frozenset(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("leave_out")
    @classmethod
    def _known(cls, value: frozenset[str]) -> frozenset[str]:
        unknown = sorted(value - set(PARTS))
        if unknown:
            raise ValueError(f"{unknown[0]} is no part; known are {', '.join(PARTS)}")
        return value


def load(**flags: Any) -> Settings:
    """Settings from every source; flags that are None do not count.

    Raises:
        BadConfig: a key is unknown, a value is out of bounds, or `rag.toml` cannot be read.
    """
    given = _from_file(Path(CONFIG_FILE)) | _from_environment()
    given |= {key: value for key, value in flags.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadConfig(
            f"setting {key!r}: {first['msg'].lower()}",
            f"Correct the flag, {_PREFIX}{key.upper()} or {CONFIG_FILE}",
        ) from error


def _from_file(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadConfig(f"{CONFIG_FILE} cannot be read: {error}", f"Correct or remove {CONFIG_FILE}") from error


def _from_environment() -> dict[str, str]:
    found = {}
    for name, value in sorted(os.environ.items()):
        key = name.removeprefix(_PREFIX).lower()
        if not name.startswith(_PREFIX) or not value:  # empty is unset
            continue
        if key not in Settings.model_fields:
            known = ", ".join(_PREFIX + field.upper() for field in Settings.model_fields)
            raise BadConfig(f"{name} is not a setting", f"Known are: {known}; unset {name}")
        found[key] = value
    return found
