"""Bytes to articles: one reader a format, then what makes a text news."""

from rag.ingest.files import Found, Skipped, discover, read_file
from rag.ingest.plain import article_id, read_article

__all__ = ["Found", "Skipped", "article_id", "discover", "read_article", "read_file"]
