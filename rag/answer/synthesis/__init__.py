"""Synthesis: a language model writes claims, and what the articles support of them becomes the answer."""

from rag.answer.synthesis.write import OnClaim, shown_text, synthesise
from rag.answer.synthesis.writer import Writer, load_writer

__all__ = ["OnClaim", "Writer", "load_writer", "shown_text", "synthesise"]
