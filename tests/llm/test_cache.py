from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.llm import Limits, Message, Usage
from rag.llm.cache import Kept, ReplyCache, key_of

_USAGE = Usage(1, 120, 30, 0.25)
_FREE = Usage(1, 120, 30)
_WRITER = """
import sys
from pathlib import Path
from rag.llm import Usage
from rag.llm.cache import ReplyCache
told = []
cache = ReplyCache(Path(sys.argv[1]), 10_000_000, told.append)
for number in range(40):
    cache.put(f"{sys.argv[2]}-{number}", "x" * 100, "end", Usage(1, 2, 3))
    assert cache.get(f"{sys.argv[2]}-{number}") is not None
cache.close()
print(*told)
"""


class Told(list[str]):
    """The notices."""


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "replies.sqlite"


@pytest.fixture
def cache(path: Path, told: Told) -> Iterator[ReplyCache]:
    opened = ReplyCache(path, 1_000, told.append)
    yield opened
    opened.close()


def _kept(cache: ReplyCache, keys: str) -> str:
    """Which of the keys have a reply."""
    return "".join(key for key in keys if cache.get(key) is not None)


def test_a_reply_comes_back_whole(cache: ReplyCache) -> None:
    assert cache.get("a") is None
    cache.put("a", "Grüße 🎈\n", "end", _USAGE)
    cache.put("b", "", "refusal", _FREE)
    assert cache.get("a") == Kept("Grüße 🎈\n", "end", _USAGE)
    assert cache.get("b") == Kept("", "refusal", _FREE)


def test_a_reply_outlives_the_process_and_the_last_one_counts(cache: ReplyCache, path: Path) -> None:
    cache.put("a", "first", "end", _USAGE)
    cache.put("a", "second", "length", _FREE)
    cache.close()
    again = ReplyCache(path, 1_000)
    assert again.get("a") == Kept("second", "length", _FREE)
    again.close()


def test_what_was_not_used_for_longest_goes_first(cache: ReplyCache) -> None:
    for key in "abc":
        cache.put(key, "x" * 300, "end", _FREE)
    assert cache.get("a") is not None  # so b is now the one that was not used for longest
    cache.put("d", "x" * 300, "end", _FREE)
    assert _kept(cache, "abcd") == "acd"
    cache.put("e", "x" * 700, "end", _FREE)
    assert _kept(cache, "abcde") == "de"


def test_the_bound_is_of_bytes_and_a_reply_above_it_throws_nothing_out(cache: ReplyCache) -> None:
    cache.put("a", "x" * 100, "end", _FREE)
    cache.put("b", "ü" * 501, "end", _FREE)
    assert _kept(cache, "ab") == "a"
    cache.put("b", "ü" * 500, "end", _FREE)
    assert _kept(cache, "ab") == "b"


def test_a_smaller_bound_empties_the_file_that_is_there(path: Path) -> None:
    large = ReplyCache(path, 10_000_000)
    for key in "abcdefgh":
        large.put(key, "x" * 100_000, "end", _FREE)
    large.close()
    before = path.stat().st_size
    small = ReplyCache(path, 150_000)
    small.put("i", "x", "end", _FREE)
    assert _kept(small, "abcdefghi") == "hi"
    small.close()
    assert before > 800_000
    assert path.stat().st_size < 200_000


def test_a_bound_of_zero_keeps_nothing_and_makes_no_file(path: Path, told: Told) -> None:
    cache = ReplyCache(path, 0, told.append)
    cache.put("a", "", "end", _FREE)
    assert cache.get("a") is None
    assert not path.parent.exists()
    assert told == []


def test_text_that_no_file_holds_is_not_kept(cache: ReplyCache, told: Told) -> None:
    cache.put("a", "half \ud83c", "end", _FREE)
    assert cache.get("a") is None
    assert told == []


def test_only_the_owner_reads_the_files(cache: ReplyCache, path: Path) -> None:
    old = os.umask(0)
    try:
        cache.put("a", "text", "end", _FREE)
    finally:
        os.umask(old)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("replies.sqlite*")}
    modes.pop("replies.sqlite.lock", None)  # empty
    assert modes == dict.fromkeys(["replies.sqlite", "replies.sqlite-wal", "replies.sqlite-shm"], 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    cache = ReplyCache(path, 1_000)
    cache.put("a", "text", "end", _FREE)
    cache.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_damaged_file_is_set_aside(cache: ReplyCache, path: Path, told: Told, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert cache.get("a") is None
    cache.put("a", "text", "end", _FREE)
    assert cache.get("a") == Kept("text", "end", _FREE)
    assert path.with_name("replies.sqlite.damaged").read_bytes() == content
    (line,) = told
    assert "replies.sqlite.damaged" in line


def test_a_file_damaged_in_its_middle_is_set_aside(path: Path, told: Told) -> None:
    first = ReplyCache(path, 1_000_000)
    for number in range(300):
        first.put(f"{number:03}" * 20, "x" * 1_000, "end", _FREE)
    first.close()
    content = path.read_bytes()
    path.write_bytes(content[:4_096] + b"\xa5" * (len(content) - 4_096))
    cache = ReplyCache(path, 1_000_000, told.append)
    assert cache.get("000" * 20) is None
    cache.put("a", "text", "end", _FREE)
    assert cache.get("a") is not None
    cache.close()
    assert len(told) == 1


def test_the_file_of_another_version_is_set_aside(cache: ReplyCache, path: Path, told: Told) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    cache.get("a")
    cache.put("a", "text", "end", _FREE)
    assert cache.get("a") is not None
    assert len(told) == 1


def test_one_that_finds_damage_leaves_the_file_that_another_has_mended(path: Path, told: Told) -> None:
    late = ReplyCache(path, 1_000, told.append)
    late.put("a", "old", "end", _FREE)
    mended = ReplyCache(path, 1_000)
    mended.put("a", "new", "end", _FREE)
    late._disconnect()
    late._set_aside()
    assert late.get("a") == Kept("new", "end", _FREE)
    assert told == []
    late.close()
    mended.close()


def test_a_place_that_is_no_file_turns_keeping_off_and_says_so_once(cache: ReplyCache, path: Path, told: Told) -> None:
    path.mkdir(parents=True)
    for _ in range(2):
        cache.put("a", "text", "end", _FREE)
        assert cache.get("a") is None
    (line,) = told
    assert line.startswith("note: replies are not kept: ")
    assert str(path) in line


def test_a_folder_that_cannot_be_made_turns_keeping_off(tmp_path: Path, told: Told) -> None:
    (tmp_path / "file").touch()
    cache = ReplyCache(tmp_path / "file" / "replies.sqlite", 1_000, told.append)
    cache.put("a", "text", "end", _FREE)
    assert cache.get("a") is None
    assert len(told) == 1


def test_a_full_disk_turns_keeping_off(path: Path, told: Told) -> None:
    cache = ReplyCache(path, 1_000_000, told.append)
    cache.put("a", "text", "end", _FREE)
    assert cache._db is not None
    cache._db.execute("PRAGMA max_page_count = 1")  # raised to the pages that are there: no more fit
    cache.put("b", "x" * 100_000, "end", _FREE)
    assert _kept(cache, "ab") == ""
    (line,) = told
    assert "full" in line


def test_nothing_is_kept_after_closing(cache: ReplyCache, told: Told) -> None:
    cache.put("a", "text", "end", _FREE)
    cache.close()
    cache.close()
    cache.put("b", "text", "end", _FREE)
    assert _kept(cache, "ab") == ""
    assert told == []


def test_threads_share_a_cache(path: Path, told: Told) -> None:
    cache = ReplyCache(path, 1_000_000, told.append)
    start = threading.Barrier(8)
    missing: list[str] = []

    def work(name: str) -> None:
        start.wait(10)
        for number in range(30):
            cache.put(f"{name}{number}", name * 50, "end", _FREE)
            kept = cache.get(f"{name}{number}")
            if kept is None or kept.text != name * 50:
                missing.append(f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert told == []
    cache.close()


def test_processes_share_a_cache(path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name], stdout=subprocess.PIPE, text=True)
        for name in "abcd"
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert said == ["", "", "", ""]
    cache = ReplyCache(path, 10_000_000)
    assert all(cache.get(f"{name}-{number}") for name in "abcd" for number in range(40))
    cache.close()


def _key(**changes: object) -> str:
    parts: dict[str, object] = {
        "question": "Who said so?",
        "index_digest": "d1",
        "model": "openai:m",
        "prompt_digest": "p1",
        "messages": [Message("system", "Answer."), Message("user", "Who?")],
        "limits": Limits(),
    }
    return key_of(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_key_is_the_same_for_the_same_and_fit_for_a_file() -> None:
    assert _key() == _key()
    assert len(_key()) == 64
    assert _key(question="half \ud83c") != _key()


@pytest.mark.parametrize(
    "change",
    [
        {"question": "Who said so"},
        {"index_digest": "d2"},
        {"model": "openai:n"},
        {"prompt_digest": "p2"},
        {"messages": [Message("user", "Who?")]},
        {"messages": [Message("user", "Answer."), Message("user", "Who?")]},
        {"messages": [Message("system", "Answer.Who?"), Message("user", "")]},
        {"limits": Limits(max_tokens=5)},
        {"limits": Limits(temperature=1.0)},
    ],
    ids=str,
)
def test_everything_a_reply_depends_on_is_in_the_key(change: dict[str, object]) -> None:
    assert _key(**change) != _key()


def test_what_changes_no_reply_is_not_in_the_key() -> None:
    assert _key(limits=Limits(timeout=1, retries=0)) == _key()
