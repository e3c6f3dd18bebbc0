"""The catalog's tables, as of the format that this version writes."""

from __future__ import annotations

import sqlite3

FORMAT = 2
PAGE_BYTES = 16_384
"""A passage's sentence vectors fit into a page of this size; on the usual one each would spill into pages of its own."""

TABLES = """
CREATE TABLE manifest (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    json TEXT NOT NULL,
    contents BLOB NOT NULL         -- the sum behind the digest
);
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,          -- SHA-256 of text, metadata and passage boundaries
    sha256 TEXT NOT NULL,          -- of this row's record and text, checked whenever they are read
    text TEXT NOT NULL,
    record TEXT NOT NULL,          -- the article as JSON, without its text
    source TEXT,                   -- case-folded
    first_day INTEGER,             -- proleptic ordinals of the first and last day that `published` can mean
    last_day INTEGER,
    first_passage INTEGER NOT NULL,-- the key of its first passage; the keys of the others follow it
    passages INTEGER NOT NULL
);
CREATE INDEX articles_by_day ON articles (last_day, first_day, first_passage, passages);
CREATE INDEX articles_by_source ON articles (source, last_day, first_day, first_passage, passages);
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL,      -- its key; no index leads back, as articles know where their passages are
    id TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    sentences TEXT NOT NULL,       -- JSON [[start, end, quotable], ...]
    crc INTEGER NOT NULL,          -- CRC-32 of the four before
    generation INTEGER NOT NULL
);
CREATE INDEX passages_by_generation ON passages (generation);
CREATE TABLE vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages (key),
    data BLOB NOT NULL             -- float32 or float16 as the manifest says, little-endian, then a CRC-32
);
CREATE TABLE sentence_vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages (key),
    data BLOB NOT NULL             -- float16, little-endian, one row a sentence, then a CRC-32
);
CREATE TABLE removed (key INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removed_by_generation ON removed (generation);
CREATE TABLE locations (
    location TEXT PRIMARY KEY,
    article INTEGER NOT NULL REFERENCES articles (key),
    fingerprint TEXT               -- of what was read there, before it was parsed
);
CREATE INDEX locations_by_article ON locations (article);
CREATE INDEX locations_by_fingerprint ON locations (fingerprint) WHERE fingerprint IS NOT NULL
"""


def statements() -> list[str]:
    """The statements that lay the tables."""
    return [statement for statement in TABLES.split(";\n") if statement.strip()]


def has_tables(db: sqlite3.Connection) -> bool:
    """Whether the catalog was laid."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'manifest'").fetchone() is not None
