"""Whether two names are one speaker's: for scoring who is said to have said something. In doubt they are not."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:[.’'&-]+[^\W_]+)*\.?")
_IN_BRACKETS = re.compile(r"\(([^)]*)\)")
_POSSESSIVE = re.compile(r"['’]s$|(?<=s)['’]$")
_AND = re.compile(r",? (?:and|&) |, ")


def _listed(words: str) -> frozenset[str]:
    return frozenset(_WORD.findall(words))


_SMALL = _listed("the a an of for and at in on from to by with its his her their this that")
_PRONOUNS = _listed("i you he she it they we who him her them us")
_TITLES = _listed(
    "mr mrs ms miss dr prof professor sir dame lord lady baroness rev reverend president vice prime minister deputy foreign premier"
    " chancellor king queen prince princess senator sen representative rep congressman congresswoman governor gov mayor judge justice"
    " general gen colonel col captain capt lieutenant lt sergeant sgt major commander admiral secretary ambassador chairman chairwoman"
    " chair chief director executive ceo spokesperson spokesman spokeswoman attorney prosecutor officer inspector detective sheriff"
    " pope cardinal archbishop bishop former acting interim coach manager doctor first"
)
_BODIES = _listed(
    "ministry department police government university council commission commissioner agency office committee court party union"
    " association bank company corporation corp inc ltd group organization organisation authority authorities service services bureau"
    " institute foundation center centre administration army navy force forces guard embassy parliament congress senate assembly house"
    " team board spokesperson spokesman spokeswoman officials official minister president prosecutors prosecutor leader leaders"
    " reports report media witnesses experts scientists researchers critics users doctors lawyers lawyer family residents times post"
    " news journal daily mail guardian street school hospital church club league federation airlines airport fund society states"
    " kingdom nations republic office campaign network program programme project company"
)
_SHORTEST_ACRONYM = 2


def same_name(one: str, other: str) -> bool:
    """Whether two names share their head: the last name of a person, or the whole name of a body.

    Titles, articles, brackets and the order of a body's words do not count; given names must not contradict each other (`J. Smith` is
    John Smith, Jane is not); an acronym is the body whose initials it is. Several speakers are the same when each has its like.
    """
    if not one.strip() or not other.strip():
        return False
    several, others = _AND.split(one.strip()), _AND.split(other.strip())
    if len(several) == len(others) > 1:
        return all(any(_same(part, like) for like in others) for part in several)
    return _same(one, other)


def _same(one: str, other: str) -> bool:
    if _plain(_words(one)) == _plain(_words(other)):
        return bool(_plain(_words(one)))
    first, second = _person(one), _person(other)
    if first and second:
        return _same_person(first, second)
    return _is_acronym(one, other) or _is_acronym(other, one)


def _same_person(one: list[str], other: list[str]) -> bool:
    if one[-1] != other[-1]:
        return False
    given, its = one[0], other[0]
    if len(one) == 1 or len(other) == 1 or given == its:
        return True
    return (len(given) == 1 or len(its) == 1) and given[0] == its[0]


def _person(name: str) -> list[str]:
    """The folded words of a person's name without titles and without what follows a comma; none if it may be a body's."""
    words = _words(name.partition(",")[0])
    while words and (words[0].islower() or _fold(words[0]) in _TITLES | _SMALL):
        words = words[1:]
    # A title in the middle: all before it is whom the person speaks for.
    last_title = max((at for at, word in enumerate(words) if _fold(word) in _TITLES), default=-1)
    words = words[last_title + 1 :] or words
    folded = [_fold(word) for word in words]
    if not words or words[-1].islower() or folded[-1] in _BODIES | _PRONOUNS | _TITLES:
        return []
    return [] if any(word in _SMALL or word in _BODIES for word in folded) else folded


def _plain(words: list[str]) -> frozenset[str]:
    return frozenset(_fold(word) for word in words) - _SMALL


def _words(name: str) -> list[str]:
    words = (_POSSESSIVE.sub("", word).rstrip(".") for word in _WORD.findall(_IN_BRACKETS.sub(" ", name)))
    return [word.replace(".", "") for word in words]


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.replace("’", "'"))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _is_acronym(short: str, long: str) -> bool:
    """Whether one is the other's initials, or stands beside it in brackets."""
    acronym = "".join(_words(short))
    if len(acronym) < _SHORTEST_ACRONYM or not acronym.isupper() or len(_words(short)) > 1:
        return False
    if any(acronym == "".join(_words(inner)) for inner in _IN_BRACKETS.findall(long)):
        return True
    initials = "".join(word[0] for word in _words(long) if word[0].isupper())
    return len(_words(long)) > 1 and acronym == initials
