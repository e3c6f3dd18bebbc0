"""Bytes to articles: one reader a format, then what makes a text news."""

from rag.ingest.discover import bytes_to_read, discover
from rag.ingest.files import read_file
from rag.ingest.found import Found, Same, Skipped, file_of
from rag.ingest.plain import article_id, read_article

__all__ = [
    "Found",
    "Same",
    "Skipped",
    "article_id",
    "bytes_to_read",
    "discover",
    "file_of",
    "read_article",
    "read_file",
]
