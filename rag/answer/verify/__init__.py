"""Verification: whether sentences of the articles support a claim."""

from rag.answer.verify.base import Judgement, Source, Verifier
from rag.answer.verify.verifier import FactVerifier

__all__ = ["FactVerifier", "Judgement", "Source", "Verifier"]
