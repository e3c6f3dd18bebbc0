"""How many independent sources an answer has: copies, near-copies, one outlet or one agency are one witness.

In doubt, fewer: an article whose outlet is not known is never counted as independent, as it may be any other's copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations

from rag import words
from rag.types import Article, Citation, Witness

SHINGLE_WORDS = 8
"""How many words in a row make a shingle (Broder, "On the resemblance and containment of documents", 1997)."""
NEAR_COPY = 0.1
"""Containment of shingles, |A ∩ B| / min(|A|, |B|), from which two articles are one text reworked."""
LONG_RUN = 12
"""Shared shingles from which they are one text reworked, however long they are: some twenty words in a row, or several shorter runs."""
LEAST_SHARED = 2
"""Shared shingles under which containment says nothing: a short text shares a name and a title with any other."""

_AGENCIES: Mapping[str, str] = {
    "Reuters": r"Reuters",
    "Associated Press": r"(?:The )?Associated Press|AP",
    "Agence France-Presse": r"Agence[ -]France[ -]Presse|AFP",
    "United Press International": r"United Press International|UPI",
    "Bloomberg": r"Bloomberg(?: News)?",
    "Xinhua": r"Xinhua(?: News Agency)?",
    "TASS": r"(?:ITAR-)?TASS",
    "Interfax": r"Interfax",
    "RIA Novosti": r"RIA(?: Novosti)?",
    "Deutsche Presse-Agentur": r"Deutsche Presse-Agentur|dpa|DPA",
    "EFE": r"(?:Agencia )?EFE",
    "ANSA": r"ANSA",
    "Kyodo": r"Kyodo(?: News)?",
    "Yonhap": r"Yonhap(?: News Agency)?",
    "Anadolu": r"Anadolu(?: Agency)?",
    "PA Media": r"PA Media|Press Association",
    "Press Trust of India": r"Press Trust of India|PTI",
    "Canadian Press": r"(?:The )?Canadian Press",
    "Australian Associated Press": r"Australian Associated Press|AAP",
}
_DATELINE_CHARS = 250
_CREDIT_LINES = 3
_CREDIT_WORDS = 20
_PICTURE = re.compile(r"\b(?:photo\w*|pictures?|images?|video|illustrations?|graphics?|getty|caption)\b", re.IGNORECASE)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»")
_ARTICLE_WORD = re.compile(r"^the\s+", re.IGNORECASE)


def witnesses(citations: Sequence[Citation], others: Mapping[str, Article] | None = None) -> tuple[Witness, ...]:
    """The independent sources of an answer, in the order of its citations.

    Articles are one witness when one prints the other's sentence (`also_in`), when they are of one outlet, when they credit one agency or one is
    of the agency that the other credits, or when a run of their words outside quotation marks is the same. All articles whose outlet
    is not known are one witness, without outlets.

    Args:
        citations: what the answer cites.
        others: the articles that `also_in` names, by id; one that is missing counts as a copy without an outlet.
    """
    articles: dict[str, Article] = {}
    same: list[tuple[str, str]] = []
    credited: dict[str, set[str]] = {}
    for citation in citations:
        own = citation.article.id
        articles[own] = citation.article
        credited.setdefault(own, set()).update(_credited_by_sentence(citation.quote))
        for copy in citation.also_in:
            same.append((own, copy))
            if others and copy in others:
                articles.setdefault(copy, others[copy])
    ids = list(dict.fromkeys(article for citation in citations for article in (citation.article.id, *citation.also_in)))
    names = {key: _outlet(articles[key]) if key in articles else None for key in ids}
    agencies = {
        key: credited.get(key, set()) | (credited_agencies(articles[key]) if key in articles else set()) for key in ids
    }
    for one, other in combinations(ids, 2):
        if _one_source(names[one], names[other], agencies[one], agencies[other]) or (
            one in articles and other in articles and near_copies(articles[one].text, articles[other].text)
        ):
            same.append((one, other))
    groups = _joined(ids, same)
    unnamed = [group for group in groups if not any(names[key] or agencies[key] for key in group)]
    listed = [group for group in groups if group not in unnamed]
    if unnamed:
        listed.append([key for group in unnamed for key in group])
    return tuple(Witness(outlets=_outlets(group, names, agencies), articles=tuple(group)) for group in listed)


def phrase(found: Sequence[Witness]) -> str:
    """The witnesses in words: `one source: Reuters`, `2 independent outlets: Reuters, Axios`; nothing when there are none.

    An outlet that printed only a copy is not named. Articles without a known outlet are mentioned and not counted.
    """
    named = [witness.outlets[0] for witness in found if witness.outlets]
    unnamed = sum(len(witness.articles) for witness in found if not witness.outlets)
    if not named:
        if unnamed > 1:
            return f"{unnamed} articles without a named outlet, not known to be independent"
        return "one source" if unnamed else ""
    told = f"one source: {named[0]}" if len(named) == 1 else f"{len(named)} independent outlets: {', '.join(named)}"
    if not unnamed:
        return told
    return f"{told}; and {'an article' if unnamed == 1 else f'{unnamed} articles'} without a named outlet"


def near_copies(one: str, other: str) -> bool:
    """Whether two texts share so many words in a row, outside quotation marks, that one goes back to the other or both to a third.

    Both may quote the same speech and be independent, so quotations do not count.
    """
    first, second = _shingles(one), _shingles(other)
    shared = len(first & second)
    return shared >= LONG_RUN or (shared >= LEAST_SHARED and shared / min(len(first), len(second)) >= NEAR_COPY)


def credited_agencies(article: Article) -> set[str]:
    """The news agencies that an article credits: in its metadata, its dateline, or a short line at its start or end.

    A picture's credit, and an agency named in the story (`told Reuters`), is none.
    """
    found = {name for value in (article.agency, article.source) if value and (name := _agency(value))}
    text = article.text
    lines = [line for line in text.splitlines() if line.strip()]
    edges = lines[:_CREDIT_LINES] + lines[_CREDIT_LINES:][-_CREDIT_LINES:]
    credits_ = [line for line in edges if len(line.split()) <= _CREDIT_WORDS and not _PICTURE.search(line)]
    for name in _mentioned("\n".join([text[:_DATELINE_CHARS], *credits_])):
        pattern = _patterns(name)
        if pattern["dateline"].search(text[:_DATELINE_CHARS]) or any(pattern["line"].search(line) for line in credits_):
            found.add(name)
    return found


def _credited_by_sentence(quote: str) -> set[str]:
    """The agencies to which a cited sentence itself goes back (`…, Reuters reported`)."""
    told = _QUOTED.sub(" ", quote)
    return {name for name in _mentioned(told) if _patterns(name)["says"].search(told)}


def _mentioned(text: str) -> list[str]:
    """The agencies whose name stands in a text: few, so that only their patterns are compiled."""
    if not _any_agency().search(text):
        return []
    return [name for name, forms in _AGENCIES.items() if re.search(forms, text)]


@lru_cache(maxsize=1)
def _any_agency() -> re.Pattern[str]:
    return re.compile("|".join(_AGENCIES.values()))


@lru_cache(maxsize=len(_AGENCIES))
def _patterns(agency: str) -> dict[str, re.Pattern[str]]:
    forms = _AGENCIES[agency]
    return {
        "dateline": re.compile(rf"\((?:{forms})\)|(?<=[–—-] )(?:{forms})(?= [–—-])"),
        "line": re.compile(
            rf"^\W*(?i:source|credit|via|by|from|agency)?\W*\b(?:{forms})\W*$"
            rf"|(?:\||/|[–—-]|[,;]|\bfor|\bfrom|\bof|\bvia|\bby|\bwith) ?(?:the )?(?:{forms})\W*$"
            rf"|\b(?i:reporting|report|material|information|contribut\w+|file[sd]?)\b[^.]*\b(?:{forms})\b"
            rf"|\b(?:{forms})\b[^.]*\b(?:contributed|reporting)\b|©[^.]*\b(?:{forms})\b|according to (?:the )?(?:{forms})\W*$",
            # The forms are names: `AP` is one, `ap` is none; the words around them are in either case.
        ),
        "says": re.compile(
            rf"\b(?:according to|told|citing|reported by) (?:the )?(?:news agency )?(?:{forms})\b"
            rf"|\b(?:{forms})(?: news agency)? (?:has |have )?(?:report(?:s|ed)|said)\b"
        ),
    }


def _agency(name: str) -> str | None:
    """The agency that a name names, or None."""
    plain = _ARTICLE_WORD.sub("", name.strip())
    if not _any_agency_named().search(plain):
        return None
    forms = ((agency, re.compile(rf"(?:{found})", re.IGNORECASE)) for agency, found in _AGENCIES.items())
    return next((agency for agency, form in forms if form.fullmatch(plain)), None)


@lru_cache(maxsize=1)
def _any_agency_named() -> re.Pattern[str]:
    return re.compile("|".join(_AGENCIES.values()), re.IGNORECASE)


def _outlet(article: Article) -> str | None:
    return article.source.strip() or None if article.source else None


def _key(outlet: str) -> str:
    """An outlet's name as it is compared: an agency by its full name, others without `The`, case and punctuation."""
    return _agency(outlet) or " ".join(word.surface.casefold() for word in words.words(_ARTICLE_WORD.sub("", outlet)))


def _one_source(one: str | None, other: str | None, agencies: set[str], others: set[str]) -> bool:
    same_outlet = one is not None and other is not None and _key(one) == _key(other)
    return same_outlet or bool(agencies & others)


def _outlets(
    group: Sequence[str], names: Mapping[str, str | None], agencies: Mapping[str, set[str]]
) -> tuple[str, ...]:
    """A witness's outlets, each once; the agency that its articles credit where none has an outlet."""
    found: dict[str, str] = {}
    for key in group:
        name = names[key]
        if name:
            found.setdefault(_key(name), name)
    return tuple(found.values()) or tuple(sorted(set().union(*(agencies[key] for key in group))))


def _joined(ids: Sequence[str], same: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The ids in groups that the pairs connect, in order of first appearance."""
    group = {key: key for key in ids}
    for one, other in same:
        kept, merged = sorted((group[one], group[other]), key=ids.index)
        group = {key: kept if value == merged else value for key, value in group.items()}
    return [[key for key in ids if group[key] == first] for first in dict.fromkeys(group.values())]


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of `SHINGLE_WORDS` words of a text outside its quotations; a run does not reach across one."""
    runs: set[tuple[str, ...]] = set()
    for piece in _QUOTED.sub("\0", text).split("\0"):
        listed = [word.surface.casefold() for word in words.words(piece)]
        runs.update(tuple(listed[at : at + SHINGLE_WORDS]) for at in range(len(listed) - SHINGLE_WORDS + 1))
    return frozenset(runs)
