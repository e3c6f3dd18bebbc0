"""A model's name to the model: built-in providers, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from rag.errors import LLMMissing, RagError
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
    return factories[provider](name.strip(), limits or Limits())


def providers() -> list[str]:
    """The providers that `load` knows."""
    return sorted(_factories())


def _factories() -> dict[str, Factory]:
    """Each provider's factory; its module is imported when the factory is called. No package replaces a built-in one."""
    found: dict[str, Factory] = {point.name: _foreign(point) for point in entry_points(group=GROUP)}
    return found | {one: _hosted(one) for one in ("openai", "anthropic", "gemini")} | {"local": _local}


def _foreign(point: EntryPoint) -> Factory:
    """Another package's factory; whatever goes wrong in it is one line that names the package."""

    def load_foreign(name: str, limits: Limits) -> LLM:
        try:
            model: LLM = point.load()(name, limits)
        except RagError:
            raise
        except Exception as error:
            package = point.dist.name if point.dist else point.value
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise LLMMissing(
                f"{package} cannot load {point.name}:{name} ({reason})", f"Install {package} again, or ask its makers"
            ) from error
        return model

    return load_foreign


def _hosted(provider: str) -> Factory:
    def load_provider(name: str, limits: Limits) -> LLM:
        from rag.llm.hosted import load_hosted

        return load_hosted(provider, name, limits)

    return load_provider


def _local(name: str, limits: Limits) -> LLM:
    from rag.llm.local import load_local

    return load_local(name, limits)
