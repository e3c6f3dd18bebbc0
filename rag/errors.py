"""The errors that reach a user: each says what is wrong and what mends it."""

from __future__ import annotations


class RagError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        message: what is wrong, one line.
        remedy: what the user can do about it, one line.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}. {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class BadQuestion(RagError):
    """The question is empty, too long or has no words."""

    exit_code = 2


class BadInput(RagError):
    """A path, file or argument cannot be used."""


class BadConfig(RagError):
    """A setting is unknown or out of bounds."""


class IndexMissing(RagError):
    """There is no index at the given place."""


class IndexDamaged(RagError):
    """The index is there, but cannot be read."""


class IndexBusy(RagError):
    """Another process is writing to the index."""


class NoSpace(RagError):
    """The disk is full. The index is as it was before."""


class IndexTooNew(RagError):
    """The index was written by a newer version of this package."""


class ModelMismatch(RagError):
    """The index was built with another embedding model."""


class ModelMissing(RagError):
    """The embedding model is not on this machine, or is not the published one."""


class ArticleMissing(RagError):
    """No article of the index has that id."""


class LLMMissing(RagError):
    """The language model, its library, its key or its folder is not there."""


class LLMFailed(RagError):
    """The language model gave no reply that can be used: no connection, refused, too slow, broken off.

    `passing` tells that the same request may succeed later.
    """

    def __init__(self, message: str, remedy: str = "", *, passing: bool = False) -> None:
        super().__init__(message, remedy)
        self.passing = passing


class BadPrompt(RagError):
    """A prompt template is missing, cannot be read, or does not fit what it is for."""
