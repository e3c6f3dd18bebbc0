"""Whether two names are one speaker's: for scoring who is said to have said something. In doubt they are not."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:[.’'&-]+[^\W_]+)*\.?")
_IN_BRACKETS = re.compile(r"\(([^)]*)\)")
_POSSESSIVE = re.compile(r"['’]s$|(?<=s)['’]$")
_AND = re.compile(r",? (?:and|&) ")
_EACH = re.compile(r",? (?:and|&) |,\s+")
_COMMA = re.compile(r",\s+")


def _listed(words: str) -> frozenset[str]:
    return frozenset(_WORD.findall(words))


_SMALL = _listed("the a an one of for and at in on from to by with its his her their this that")
_LINKS = _listed("of for at in on from to by with")
_ARTICLES = _listed("the a an its his her their this that")
_PARTICLES = _listed("al bin ibn ben von van der den de da del di la le dos du")
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
_NAME = 2


def same_name(one: str, other: str) -> bool:
    """Whether two names share their head: the last name of a person, or the name of a body, all of it or two words of it at least.

    Titles, articles, brackets and the order of a body's words do not count, and an apposition (`the mayor, Jane Doe`) is either of its
    halves; given names must not contradict each other (`J. Smith` is John Smith, Jane is not); an acronym is the body whose initials it
    is. Several speakers are the same when each has its like.
    """
    if not one.strip() or not other.strip():
        return False
    several, others = _speakers(one), _speakers(other)
    if len(several) != len(others):
        return False
    if len(several) > 1:
        return all(any(_same(part, like) for like in others) for part in several)
    return any(_same(part, like) for part in _forms(one) for like in _forms(other))


def _speakers(name: str) -> list[str]:
    """The names of a list; one where `and` only comes after a comma, in who somebody is (`Jane Doe, head of arts and sport`)."""
    before, _, after = name.partition(", ")
    if not _AND.search(name):
        return [name]
    if (
        after
        and not _AND.search(before)
        and (after[0].islower() or _LINKS & {_fold(word) for word in _words(after.partition(",")[0])})
    ):
        return [name]
    return [part for part in _EACH.split(name.strip()) if part.strip()]


def _forms(name: str) -> list[str]:
    """A name as it stands, its halves about commas, and without the place that it is of (`Prince John of Springfield`)."""
    return [name, *_COMMA.split(name), *(before for before in [name.partition(" of ")[0]] if len(_person(before)) > 1)]


def _same(one: str, other: str) -> bool:
    plain, its = _plain(_words(one)), _plain(_words(other))
    if plain == its:
        return bool(plain)
    first, second = _person(one), _person(other)
    if first and second:
        return _same_person(first, second)
    if min(len(plain), len(its)) > 1 and (plain <= its or its <= plain) and _head(one) == _head(other):
        return not first and not second
    return _is_acronym(one, other) or _is_acronym(other, one)


def _same_person(one: list[str], other: list[str]) -> bool:
    if one[-1] != other[-1]:
        return False
    given, its = one[0], other[0]
    shorter = min(len(one), len(other))
    if shorter == 1 or given == its or one[-shorter:] == other[-shorter:]:
        return True
    return (len(given) == 1 or len(its) == 1) and given[0] == its[0]


def _person(name: str) -> list[str]:
    """The folded words of a person's name without titles and without who they are; none if it may be a body's.

    The name is the capitals at the end: after a preposition (`critics of Jane Doe`) it is somebody else's, unless it follows the seat of
    an office (`Secretary of State Jane Doe`).
    """
    words = _words(name)
    run = len(words)
    while (
        run
        and (not words[run - 1].islower() or words[run - 1] in _PARTICLES)
        and _fold(words[run - 1]) not in _TITLES | _SMALL
    ):
        run -= 1
    folded = [_fold(word) for word in words[run:]]
    if not folded or folded[-1] in _BODIES | _PRONOUNS:
        return []
    while run and _fold(words[run - 1]) in _ARTICLES:
        run -= 1
    if run > 1 and _fold(words[run - 1]) in _LINKS:
        if _fold(words[run - 2]) not in _TITLES or len(folded) <= _NAME:
            return []
        folded = folded[-_NAME:]
    return [] if any(word in _BODIES for word in folded[-_NAME:]) else folded


def _head(name: str) -> str:
    """The noun that a body's name is about: the last word before the first preposition."""
    words = [_fold(word) for word in _words(name)]
    words = words[next((at for at, word in enumerate(words) if word not in _ARTICLES), 0) :]
    upto = next((at for at, word in enumerate(words) if word in _LINKS), len(words))
    return words[upto - 1] if upto else ""


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
