"""One file to articles. What cannot be read is named, with the reason, and skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.ingest import lines, records
from rag.ingest.discover import unfit
from rag.ingest.found import RECORD_SUFFIXES, Found, Same, Skipped, fingerprint
from rag.ingest.plain import read_article
from rag.types import Article

_CONTROL_SHARE = 0.02
_PROBE = 65_536
_MEGABYTE = 1_000_000
_BINARY = "binary file, not text; convert it to plain text, or name its encoding with --encoding"


def read_file(
    path: Path,
    *,
    encoding: str = "utf-8",
    max_megabytes: float = 10.0,
    known: Callable[[str], str | None] = lambda _: None,
    told: Callable[[int], None] = lambda _: None,
) -> Iterator[Found | Same | Skipped]:
    """The articles of one file, or why it has none. A file of JSON lines is read line by line, and is never held whole.

    Args:
        path: the file.
        encoding: how its text is encoded.
        max_megabytes: a text or a line that is larger is skipped.
        known: the id of the article that was read from bytes with a fingerprint, if any; such bytes are not read again.
        told: told how many bytes of the file have been read.

    Raises:
        BadConfig: the encoding is unknown.
    """
    codec = lines.codec_of(encoding)
    try:
        reason = unfit(path, max_megabytes)
        if reason is not None:
            yield Skipped(str(path), reason)
        elif path.suffix.lower() in RECORD_SUFFIXES:
            yield from _Records(path, encoding, max_megabytes, known).read(told)
        else:
            yield _read_text(path, encoding, codec, known)
    except OSError as error:
        yield Skipped(str(path), (error.strerror or "cannot be read").lower())


def _read_text(path: Path, encoding: str, codec: str, known: Callable[[str], str | None]) -> Found | Same | Skipped:
    data = path.read_bytes()
    print_ = fingerprint("text", codec, data)
    article_id = known(print_)
    if article_id is not None:
        return Same(str(path), article_id, print_)
    text, reason = _decode(data, encoding, codec)
    if reason is not None:
        return Skipped(str(path), reason)
    return Found(str(path), read_article(text, path=str(path)), print_)


def _decode(data: bytes, encoding: str, codec: str) -> tuple[str, str | None]:
    """The text of some bytes, and why they are none, if they are not."""
    try:
        text = data.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeError as error:
        if b"\0" in data[:_PROBE]:
            return "", _BINARY
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        return "", f"not {encoding} text{at}; name its encoding with --encoding, say latin-1"
    if not text.strip():
        return "", "empty file"
    return ("", _BINARY) if _is_binary(text[:_PROBE]) else (text, None)


def _is_binary(head: str) -> bool:
    """Whether what a file begins with looks like no text."""
    return "\0" in head or sum(not (c.isprintable() or c.isspace()) for c in head) > _CONTROL_SHARE * len(head)


@dataclass(frozen=True)
class _Records:
    """A file of JSON lines: what its lines are read with."""

    path: Path
    encoding: str
    max_megabytes: float
    known: Callable[[str], str | None]

    def read(self, told: Callable[[int], None]) -> Iterator[Found | Same | Skipped]:
        """Reads its lines; those that are blank do not count."""
        empty = True
        with self.path.open("rb") as file:
            head = file.read(_PROBE)
            codec, mark, newline = lines.coded(lines.codec_of(self.encoding), head)
            if _is_binary(head[mark:].decode(codec, "replace")):
                yield Skipped(str(self.path), _BINARY)
                return
            file.seek(mark)
            for number, line in enumerate(lines.split(file, newline, self.max_megabytes * _MEGABYTE), start=1):
                told(file.tell())
                found = self._line(f"{self.path}#{number}", line, codec)
                if found is not None:
                    empty = False
                    yield found
        if empty:
            yield Skipped(str(self.path), "empty file")

    def _line(self, location: str, line: bytes | None, codec: str) -> Found | Same | Skipped | None:
        if line is None:
            return Skipped(location, f"a line over the limit of {self.max_megabytes:g} MB; raise --max-file-mb")
        if not line.strip():
            return None
        print_ = fingerprint("record", codec, line)
        article_id = self.known(print_)
        if article_id is not None:
            return Same(location, article_id, print_)
        article = self._parsed(line, codec)
        if isinstance(article, Article):
            return Found(location, article.model_copy(update={"path": str(self.path)}), print_)
        return Skipped(location, article) if article else None

    def _parsed(self, line: bytes, codec: str) -> Article | str:
        """The article of a line, or why there is none: nothing at all where the line is blank."""
        try:
            text = line.decode(codec)
        except UnicodeError as error:
            at = f" at byte {error.start} of the line" if isinstance(error, UnicodeDecodeError) else ""
            return f"not {self.encoding} text{at}; name its encoding with --encoding, say latin-1"
        return records.read_record(text) if text.strip() else ""
