from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from rag import config, evidence, resources
from rag.config import Settings, load
from rag.errors import BadConfig


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    Path(config.CONFIG_FILE).write_text(text, encoding="utf-8")


def test_defaults() -> None:
    assert load() == Settings()
    assert (load().k, load().passage_tokens, load().model) == (5, 180, None)


def test_the_file_wins_over_defaults() -> None:
    write("k = 7\ndense_weight = 0.5")
    assert (load().k, load().dense_weight) == (7, 0.5)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("k = 7\ncandidates = 70")
    monkeypatch.setenv("RAG_K", "8")
    assert (load().k, load().candidates) == (8, 70)


def test_flags_win_over_the_environment_and_none_is_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    write("k = 7")
    monkeypatch.setenv("RAG_K", "8")
    assert load(k=9).k == 9
    assert load(k=None).k == 8


def test_the_index_can_be_set_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    write('index = "from-file"')
    assert load().index == Path("from-file")
    monkeypatch.setenv("RAG_INDEX", "from-environment")
    assert load().index == Path("from-environment")
    assert load(index=Path("from-flag")).index == Path("from-flag")


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    write('index = "from-file"')
    monkeypatch.setenv("RAG_INDEX", "")
    assert load().index == Path("from-file")


def test_the_default_index_is_the_checkouts_else_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    assert load().index == tmp_path / "index"
    monkeypatch.setattr(resources, "checkout", lambda: None)
    assert load().index == Path(platformdirs.user_data_dir("rag")) / "index"


def test_unknown_key_in_the_file_is_refused() -> None:
    write("kk = 7")
    with pytest.raises(BadConfig, match=r"'kk'.*rag\.toml"):
        load()


def test_unknown_variable_is_refused_and_the_known_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_KK", "7")
    with pytest.raises(BadConfig, match=r"RAG_KK is not a setting.*RAG_K,.*unset RAG_KK"):
        load()


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(BadConfig, match="'kk'"):
        load(kk=7)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("k", 1, 100),
        ("candidates", 1, 10_000),
        ("dense_weight", 0.0, 1.0),
        ("min_confidence", 0.0, 1.0),
        ("passage_tokens", 16, 510),
    ],
)
def test_numbers_are_bounded(key: str, low: float, high: float) -> None:
    for value in (low, high):
        assert getattr(load(**{key: value}), key) == value
    for value in (low - 1, high + 1):
        with pytest.raises(BadConfig, match=rf"'{key}'.*RAG_{key.upper()}"):
            load(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_file_mb", 0),
        ("max_question_chars", 0),
        ("dense_weight", float("nan")),
        ("max_file_mb", float("nan")),
        ("k", "many"),
        ("k", 2.5),
    ],
)
def test_bad_values_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(BadConfig, match=key):
        load(**{key: value})


@pytest.mark.parametrize("content", [b"k = ", b"k = 7\nk = 8", b"\xff\xfe", b"[k"])
def test_a_file_that_is_no_toml_is_refused_with_the_remedy(content: bytes) -> None:
    Path(config.CONFIG_FILE).write_bytes(content)
    with pytest.raises(BadConfig, match=r"rag\.toml cannot be read.*Correct or remove rag\.toml"):
        load()


def test_a_file_that_may_not_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write("k = 7")

    def refuse(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(BadConfig, match="Permission denied"):
        load()


def test_parts_to_leave_out_are_checked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.PARTS == evidence.FEATURES
    monkeypatch.setenv("RAG_LEAVE_OUT", "phrases, coverage")
    assert config.load().leave_out == {"phrases", "coverage"}
    monkeypatch.setenv("RAG_LEAVE_OUT", "luck")
    with pytest.raises(BadConfig, match="luck is no part"):
        config.load()
