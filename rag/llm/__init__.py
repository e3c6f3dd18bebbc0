"""Language models that can be plugged in. Nothing else imports their libraries; `load` says what is missing."""

from rag.llm.base import LLM, Limits, Message, Piece, Role, Stop, Usage
from rag.llm.registry import load

__all__ = ["LLM", "Limits", "Message", "Piece", "Role", "Stop", "Usage", "load"]
