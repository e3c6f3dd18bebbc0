"""A model's name to the model: built-in providers, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from rag.errors import LLMMissing
from rag.llm.base import LLM, Limits

GROUP = "rag.llms"
"""The entry-point group in which another package names its factory: a callable (name after the colon, limits) -> LLM."""

Factory = Callable[[str, Limits], LLM]


def load(spec: str, limits: Limits | None = None) -> LLM:
    """The model that `PROVIDER:NAME` names.

    Args:
        spec: such as `openai:gpt-5`, `local:models/gemma`; the provider is built in or an entry point of the group `rag.llms`.
        limits: the bounds of each request.

    Raises:
        LLMMissing: the provider is unknown, or what it needs (an extra, a key, a folder) is not there.
    """
    provider, colon, name = spec.partition(":")
    factories = _factories()
    if not colon or not name.strip() or provider not in factories:
        known = ", ".join(f"{one}:NAME" for one in sorted(factories))
        raise LLMMissing(f"{spec!r} names no language model", f"Write one of {known}")
    return factories[provider]()(name.strip(), limits or Limits())


def providers() -> list[str]:
    """The providers that `load` knows."""
    return sorted(_factories())


def _factories() -> dict[str, Callable[[], Factory]]:
    """What gives each provider's factory; its module is imported when the factory is asked for."""
    found: dict[str, Callable[[], Factory]] = {point.name: point.load for point in entry_points(group=GROUP)}
    return found | {
        "openai": lambda: _hosted("openai"),
        "anthropic": lambda: _hosted("anthropic"),
        "gemini": lambda: _hosted("gemini"),
        "local": _local,
    }


def _hosted(provider: str) -> Factory:
    from rag.llm.hosted import load_hosted

    return lambda name, limits: load_hosted(provider, name, limits)


def _local() -> Factory:
    from rag.llm.local import load_local

    return load_local
