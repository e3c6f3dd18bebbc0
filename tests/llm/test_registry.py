"""`PROVIDER:NAME` to a model: what is built in, what other packages bring, and what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import LLMFailed, LLMMissing, RagError
from rag.llm import LLM, Limits, load, registry
from tests.conformance import llm as conformance

PAGE = Path(__file__).parents[2] / "docs" / "llm.md"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY")
ADDRESSES = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
WRITER = f"{sys.executable} -c \"import sys; print(len(sys.stdin.read()), 'letters')\""

Bring = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*KEYS, *ADDRESSES, "ANTHROPIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path / "none"))


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Installs a package `brought` with one module and its entry points."""

    def install(module: str, points: str) -> None:
        info = tmp_path / "brought-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{points}\n", encoding="utf-8")
        (tmp_path / f"{points.partition('=')[2].partition(':')[0].strip()}.py").write_text(module, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))

    before = set(sys.modules)
    yield install
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def command(bring: Bring) -> Callable[[str], LLM]:
    """The example on the page about language models, installed as its `pyproject.toml` says."""
    blocks = dict(
        re.findall(r"^```(toml|python)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
    assert sum(len(block.splitlines()) for block in blocks.values()) < 35
    assert len(blocks["python"].splitlines()) < 30
    ((name, value),) = tomllib.loads(blocks["toml"])["project"]["entry-points"][registry.GROUP].items()
    bring(blocks["python"], f"{name} = {value}")
    return lambda words: load(f"{name}:{words}", Limits(timeout=20))


@pytest.mark.parametrize("spec", ["nobody:gpt-5", "openai", "openai:", "openai: ", ":gpt-5", "", "OpenAI:gpt-5"])
def test_what_names_no_model_says_what_would(spec: str) -> None:
    with pytest.raises(LLMMissing) as caught:
        load(spec)
    assert repr(spec) in caught.value.message
    for provider in ("openai:NAME", "anthropic:NAME", "gemini:NAME", "local:NAME"):
        assert provider in caught.value.remedy


@pytest.mark.parametrize(
    ("provider", "library"),
    [
        ("openai", "openai"),
        ("anthropic", "anthropic"),
        ("gemini", "google.genai"),
        ("openai", "pydantic_ai"),
        ("gemini", "tenacity"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, provider: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LLMMissing) as caught:
        load(f"{provider}:some-model")
    assert caught.value.message == f"the {library} library is not installed"
    assert caught.value.remedy == "pip install 'ask-rag[llm]'"


@pytest.mark.parametrize(
    ("provider", "message", "remedy"),
    [
        ("openai", "OpenAI wants a key", "Set OPENAI_API_KEY or OPENAI_BASE_URL for a server that needs none"),
        ("anthropic", "Anthropic wants a key", "Set ANTHROPIC_API_KEY"),
        ("gemini", "Gemini wants a key", "Set GEMINI_API_KEY or GOOGLE_API_KEY"),
    ],
)
def test_a_missing_key_is_named(provider: str, message: str, remedy: str) -> None:
    with pytest.raises(LLMMissing) as caught:
        load(f"{provider}:some-model")
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@pytest.mark.parametrize(
    ("provider", "variable"), [("openai", KEYS[0]), ("anthropic", KEYS[1]), ("gemini", KEYS[3]), ("gemini", KEYS[4])]
)
def test_a_key_is_all_it_takes(monkeypatch: pytest.MonkeyPatch, provider: str, variable: str) -> None:
    monkeypatch.setenv(variable, " some-key-123456\n")
    model = load(f"{provider}: some-model ")
    assert model.name == f"{provider}:some-model"
    assert "some-key-123456" not in repr(vars(model))
    model.close()


@pytest.mark.parametrize("key", ["two words", "kéy", "with\nline"])
def test_a_key_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(LLMMissing, match=r"^OPENAI_API_KEY holds characters that no key has") as caught:
        load("openai:some-model")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:11434/v1",
        "ftp://localhost/v1",
        "http://",
        "http:///v1",
        "http://localhost:port/v1",
        "http://[::1/v1",
        "https://user:secret@host/v1",
        "https://host/v1?key=secret",
        "https://host/v1#part",
        "http://localhost:11434/v1/chat/completions",
    ],
)
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(LLMMissing, match=r"^OPENAI_BASE_URL ") as caught:
        load("openai:some-model")
    assert caught.value.remedy
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:11434/v1", " https://host.example/v1/ ", "http://[::1]:80/v1"])
def test_an_address_is_all_it_takes(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    model = load("openai:some-model")
    assert model.name == "openai:some-model"
    model.close()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_example_of_the_page_is_a_model(command: Callable[[str], LLM], check: Callable[[LLM], None]) -> None:
    check(command(WRITER))


def test_the_example_of_the_page_fails_in_one_line(command: Callable[[str], LLM]) -> None:
    assert command(WRITER).name == f"command:{WRITER}"
    with pytest.raises(LLMFailed, match=r"failed\. Run the command by hand"):
        list(command(f'{sys.executable} -c "import sys; sys.exit(3)"').stream(conformance.PROMPT))


def test_a_package_brings_a_provider(bring: Bring) -> None:
    bring(
        "from tests.llm.stand_in import Scripted\ndef make(name, limits): return Scripted([name])",
        "mine = brought_a:make",
    )
    assert "mine" in registry.providers()
    model = load("mine:some model")
    assert conformance.written(list(model.stream(conformance.PROMPT))) == "some model"


def test_no_package_replaces_a_provider_that_is_built_in(bring: Bring) -> None:
    bring("def make(name, limits): return 'theirs'", "openai = brought_b:make")
    with pytest.raises(LLMMissing, match="OpenAI wants a key"):
        load("openai:some-model")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("def other(): ...", "AttributeError: .*make"),
        ("def make(", "SyntaxError"),
        ("def make(name, limits): raise ValueError('no\\nluck')", "ValueError: no luck"),
    ],
    ids=["import", "name", "syntax", "factory"],
)
def test_a_package_that_does_not_load_is_named(bring: Bring, module: str, reason: str) -> None:
    bring(module, "mine = brought_c:make")
    assert "mine" in registry.providers()
    with pytest.raises(LLMMissing, match=reason) as caught:
        load("mine:one")
    assert caught.value.message.startswith("brought cannot load mine:one (")
    assert "brought" in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_what_a_package_says_itself_is_left_as_it_is(bring: Bring) -> None:
    bring(
        "from rag.errors import BadInput\ndef make(name, limits): raise BadInput('so', 'do')", "mine = brought_d:make"
    )
    with pytest.raises(RagError, match=r"^so\. do$"):
        load("mine:one")


def test_naming_the_providers_imports_no_library() -> None:
    code = "import sys, rag.llm.registry as r; r.providers(); import rag.llm.hosted; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "rag" in loaded
    assert not loaded & {"pydantic_ai", "openai", "anthropic", "google", "tenacity", "httpx2", "anyio", "torch"}
