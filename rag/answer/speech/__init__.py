"""Who says what an article prints, and whether that is whom a question asks about."""

from rag.answer.speech.asked import speaks
from rag.answer.speech.voices import Attribution, attribution, attributions

__all__ = ["Attribution", "attribution", "attributions", "speaks"]
