from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rag.errors import BadConfig
from rag.ingest import Found, Same, Skipped, bytes_to_read, discover, file_of, read_file

TEXT = "The mayor spoke on Monday. Nobody else did."


def write(path: Path, content: str | bytes = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def found(*paths: str | Path) -> list[Path]:
    return [path for path in discover(paths) if isinstance(path, Path)]


def skipped(*paths: str | Path) -> list[Skipped]:
    return [path for path in discover(paths) if isinstance(path, Skipped)]


def reason(path: Path, **options: object) -> str:
    """Why a file is skipped, after checking that it is, by its name."""
    (outcome,) = read_file(path, **options)  # type: ignore[arg-type]
    assert isinstance(outcome, Skipped)
    assert outcome.location == str(path)
    return outcome.reason


def text_of(path: Path, **options: object) -> str:
    (outcome,) = read_file(path, **options)  # type: ignore[arg-type]
    assert isinstance(outcome, Found)
    assert (outcome.location, outcome.article.path) == (str(path), str(path))
    return outcome.article.text


def test_a_folder_is_walked_in_a_fixed_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden.txt", ".git/d.txt"):
        write(tmp_path / name)
    assert [path.relative_to(tmp_path.resolve()).as_posix() for path in found(tmp_path)] == [
        "a.txt",
        "b.txt",
        "sub/c.txt",
    ]
    assert skipped(tmp_path) == []


def test_a_path_given_twice_or_in_two_ways_is_found_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    assert found(path, path, tmp_path, str(tmp_path / "." / "a.txt")) == [path.resolve()]


def test_a_hidden_file_is_found_when_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / ".hidden.txt")
    assert found(path) == [path.resolve()]


@pytest.mark.parametrize("name", ["missing.txt", "missing/a.txt", "x" * 300, "~no-such-user-here/a.txt", "a\0b"])
def test_a_path_that_cannot_be_is_skipped_by_name_and_the_others_are_found(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.txt")
    given = name if name.startswith("~") else str(tmp_path / name)
    missing, other = discover([given, path])
    assert isinstance(missing, Skipped)
    assert missing.named
    assert missing.location == given
    assert missing.reason
    assert other == path.resolve()


def test_broken_links_are_skipped_by_name(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "gone.txt")
    path = write(tmp_path / "z.txt")
    assert list(discover([tmp_path])) == [
        Skipped(str(link.resolve().parent / "link.txt"), "broken link"),
        path.resolve(),
    ]
    assert skipped(link) == [Skipped(str(link), "broken link", named=True)]


def test_a_link_that_leads_out_of_the_folder_is_skipped_by_name(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "a.txt")
    folder = tmp_path / "folder"
    inside = write(folder / "b.txt")
    (folder / "file.txt").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent, target_is_directory=True)
    assert found(folder) == [inside.resolve()]
    assert {Path(skip.location).name for skip in skipped(folder)} == {"file.txt", "linked"}
    assert all("out of the folder; add its target by name" in skip.reason for skip in skipped(folder))


def test_links_inside_the_folder_add_nothing_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "sub" / "a.txt")
    (tmp_path / "again.txt").symlink_to(path)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert found(tmp_path) == [path.resolve()]
    assert skipped(tmp_path) == []


def test_a_folder_that_may_not_be_listed_is_skipped_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt")
    closed = write(tmp_path / "closed" / "b.txt").parent.resolve()
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if str(folder) == str(closed):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert list(discover([tmp_path])) == [path.resolve(), Skipped(str(closed), "Permission denied")]


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.md", "a.text", "a"])
def test_text_is_stored_as_it_is(tmp_path: Path, name: str) -> None:
    text = "  Zürich 😀\r\n\r\n\tThe mayor\xa0spoke.  \x0c\n\n"
    assert text_of(write(tmp_path / name, text)) == text


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert text_of(write(tmp_path / "a.txt", b"\xef\xbb\xbf" + TEXT.encode())) == TEXT
    assert text_of(write(tmp_path / "a.txt", b"\xef\xbb\xbf" + TEXT.encode()), encoding="UTF_8") == TEXT


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le"])
def test_other_encodings_are_read_when_they_are_named(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.txt", "Zürich said no.".encode(encoding))
    assert "--encoding" in reason(path)
    assert text_of(path, encoding=encoding) == "Zürich said no."


@pytest.mark.parametrize("encoding", ["no-such-encoding", "rot13", "hex", ""])
def test_an_unknown_encoding_is_an_error_that_names_some(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(BadConfig, match="utf-8, latin-1"):
        list(read_file(write(tmp_path / "a.txt"), encoding=encoding))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty file"),
        (b" \n\t\r\n", "empty file"),
        (b"\xef\xbb\xbf", "empty file"),
        (b"PK\0\0\x03\x04" + TEXT.encode(), "binary file"),
        (b"\x89PNG\0\xff\xfe", "binary file"),
        (b"\x01\x02\x03\x04 text", "binary file"),
        (b"Z\xfcrich said no.", "not utf-8 text at byte 1; name its encoding with --encoding"),
    ],
)
def test_what_is_no_text_is_skipped_with_the_reason(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in reason(write(tmp_path / "a.txt", content))


def test_a_file_over_the_limit_is_skipped_with_both_sizes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "x" * 1001)
    assert reason(path, max_megabytes=0.001) == (
        "1,001 bytes is over the limit of 0.001 MB; split it, or raise --max-file-mb"
    )
    assert text_of(path, max_megabytes=0.002) == "x" * 1001


def test_a_file_of_the_very_size_of_the_limit_is_read(tmp_path: Path) -> None:
    assert text_of(write(tmp_path / "a.txt", "x" * 1000), max_megabytes=0.001) == "x" * 1000


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.html"])
def test_other_kinds_of_file_are_skipped_with_the_remedy(tmp_path: Path, name: str) -> None:
    suffix = Path(name).suffix
    assert reason(write(tmp_path / name)) == f"{suffix} files are not read; convert to plain text"


def test_what_is_no_file_is_skipped(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert reason(pipe) == "not a regular file"
    assert reason(tmp_path / "gone.txt") == "not a regular file"


def test_a_file_that_may_not_be_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.txt")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert reason(path) == "permission denied"


def test_json_lines_give_one_article_a_line_and_name_the_bad_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "It rained.", "id": "r"}\nbad\n\n{"text": "It stopped."}\n')
    first, bad, last = read_file(path)
    assert isinstance(first, Found)
    assert (first.location, first.article.id, first.article.path) == (f"{path}#1", "r", str(path))
    assert bad == Skipped(f"{path}#2", "not a JSON object")
    assert isinstance(last, Found)
    assert (last.location, last.article.text) == (f"{path}#4", "It stopped.")


def test_bytes_that_were_read_before_are_not_read_again(tmp_path: Path) -> None:
    text = write(tmp_path / "a.txt")
    records = write(tmp_path / "a.jsonl", '{"text": "It rained."}\n\n{"text": "It stopped."}\n')
    for path in (text, records):
        read = [one for one in read_file(path) if isinstance(one, Found)]
        ids = {one.fingerprint: one.article.id for one in read}
        assert len(ids) == len(read)
        again = list(read_file(path, known=ids.get))
        assert again == [Same(one.location, one.article.id, one.fingerprint or "") for one in read]
    path.write_text('{"text": "It rained."}\n{"text": "It snowed."}\n', encoding="utf-8")
    first, second = read_file(path, known=ids.get)
    assert isinstance(first, Same)
    assert isinstance(second, Found)


def test_a_fingerprint_is_of_the_bytes_and_of_how_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = '{"text": "It rained."}'

    def fingerprint(name: str, **options: str) -> str | None:
        (outcome,) = read_file(write(tmp_path / name, line), **options)  # type: ignore[arg-type]
        assert isinstance(outcome, Found)
        return outcome.fingerprint

    plain = fingerprint("a.txt")
    assert fingerprint("elsewhere/b.md") == plain
    assert fingerprint("a.txt", encoding="UTF8") == plain
    others = {fingerprint("a.txt", encoding="latin-1"), fingerprint("a.jsonl"), plain}
    assert len(others) == 3
    monkeypatch.setattr("rag.ingest.found.READER", 99)
    assert fingerprint("a.txt") not in others


def test_a_bad_byte_in_a_line_skips_that_line_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"text": "One."}\n{"text": "Z\xfcrich."}\n{"text": "Three."}')
    first, bad, last = read_file(path)
    assert isinstance(first, Found)
    assert isinstance(last, Found)
    assert bad == Skipped(
        f"{path}#2", "not utf-8 text at byte 11 of the line; name its encoding with --encoding, say latin-1"
    )
    assert all(isinstance(one, Found) for one in read_file(path, encoding="latin-1"))


@pytest.mark.parametrize("content", [b"PK\0\0\x03\x04" * 9, b"\x01\x02\x03\x04 text", "Z\u00fc".encode("utf-16")])
def test_a_binary_file_of_records_is_skipped_whole(tmp_path: Path, content: bytes) -> None:
    assert "binary file" in reason(write(tmp_path / "a.jsonl", content))


@pytest.mark.parametrize("content", [b"", b"\n \n\t\r\n", b"\xef\xbb\xbf", "\u00a0\n".encode()])
def test_a_file_of_records_without_a_line_is_empty(tmp_path: Path, content: bytes) -> None:
    assert reason(write(tmp_path / "a.jsonl", content)) == "empty file"


def test_a_line_over_the_limit_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    long = json.dumps({"text": "x" * 700_000})
    path = write(tmp_path / "a.jsonl", f'{{"text": "One."}}\n{long}\n{{"text": "Three."}}\n{long}')
    first, second, third, fourth = read_file(path, max_megabytes=0.5)
    assert isinstance(first, Found)
    assert isinstance(third, Found)
    assert third.location == f"{path}#3"
    for one in (second, fourth):
        assert isinstance(one, Skipped)
        assert one.reason == "a line over the limit of 0.5 MB; raise --max-file-mb"
    assert all(isinstance(one, Found) for one in read_file(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-le", "shift_jis", "gb18030", "cp037"])
def test_lines_are_told_apart_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    texts = ["\u4e0a\u0a0a\u0a00 rain" if encoding.startswith("utf") else "rain", "wind", "snow"]
    content = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts)
    read = list(read_file(write(tmp_path / "a.jsonl", content.encode(encoding)), encoding=encoding))
    assert [one.article.text for one in read if isinstance(one, Found)] == texts


def test_a_file_of_records_begins_after_its_byte_order_mark(tmp_path: Path) -> None:
    for encoding, name in (("utf-8-sig", "utf-8"), ("utf-16", "utf-16")):
        path = write(tmp_path / "a.jsonl", '{"text": "One."}\n{"text": "Two."}'.encode(encoding))
        assert [one.article.text for one in read_file(path, encoding=name) if isinstance(one, Found)] == [
            "One.",
            "Two.",
        ]


def test_how_much_of_a_file_of_records_was_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "One."}\n' * 40_000)
    told: list[int] = []
    assert len(list(read_file(path, told=told.append))) == 40_000
    assert told == sorted(told)
    assert len(set(told)) > 1
    assert told[-1] == path.stat().st_size == bytes_to_read(path, 10)


def test_what_is_not_opened_has_no_bytes_to_read(tmp_path: Path) -> None:
    assert bytes_to_read(write(tmp_path / "a.txt"), 10) == len(TEXT)
    assert bytes_to_read(write(tmp_path / "a.png"), 10) == 0
    assert bytes_to_read(write(tmp_path / "b.txt", "x" * 2000), 0.001) == 0
    assert bytes_to_read(tmp_path / "gone.txt", 10) == 0


@pytest.mark.parametrize(
    ("location", "file"),
    [
        ("/a/news.jsonl#12", "/a/news.jsonl"),
        ("/a/news.NDJSON#1", "/a/news.NDJSON"),
        ("/a/news.jsonl", "/a/news.jsonl"),
        ("/a/story#3", "/a/story#3"),
        ("/a/news.jsonl#x", "/a/news.jsonl#x"),
        ("an-id", "an-id"),
    ],
)
def test_the_file_that_a_location_is_in(location: str, file: str) -> None:
    assert file_of(location) == file


def test_files_found_before_and_a_folder_left_out_are_passed_over(tmp_path: Path) -> None:
    first, index = write(tmp_path / "a.txt").resolve(), write(tmp_path / "index" / "b.txt").resolve()
    seen: set[str] = set()
    assert list(discover([tmp_path], seen=seen, without=index.parent)) == [first]
    assert seen == {str(first)}
    assert list(discover([tmp_path], seen=seen)) == [index]
    assert list(discover([index.parent], without=index.parent)) == [index]
