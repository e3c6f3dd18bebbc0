"""What surrounds a story on a page: bylines, credits, sign-ups, biographies, agency trailers, related links.

Each rule reads one line. They know how newsrooms write, never who or what a story is about.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.types import MarkKind, Span

_UPPER = r"[^\W\d_a-zß-öø-ÿ]"
_INITIALS = rf"(?:{_UPPER}\.-?)+|(?:Jr|Sr|St)\."
_TOKEN = rf"(?:{_INITIALS}|(?:(?:al|el|ad|ash|ul)-)?{_UPPER}[\w'’-]*)"
_ROLE = r"(?:Additional|Reporting|Writing|Compiled|Editing|Produced)\b"
_NAME = rf"(?!{_ROLE})(?:{_INITIALS}|{_UPPER}[\w'’-]+)(?: (?:{_TOKEN}|(?:de|da|di|del|van|von|den|der|al|el|bin|la|le)(?= ))){{1,4}}"
_JOIN = r"(?:, | and |, and | & )"
_NAMES = rf"{_NAME}(?:{_JOIN}{_NAME})*"
_PLACE = rf" in {_TOKEN}(?: {_TOKEN}){{0,3}}"
# After a place, only a name with its own place is surely a name: `A B in London and New York`.
_NAMES_AND_PLACES = rf"{_NAMES}(?:{_PLACE}(?:{_JOIN}{_NAME}{_PLACE})*)?"
_AFTER_NAME = re.compile(rf"{_PLACE}$")
_NO_PERSON = re.compile(
    r"\b(?:Staff|Writers?|Reporters?|Correspondents?|Editors?|Columnists?|Contributors?|Press|News|Times|Post|Journal|Agency|Bureau)\b"
)
_SEPARATOR = re.compile(r",? and |, | & ")
_BYLINE = re.compile(rf"By (?P<names>{_NAMES})(?:(?:,| \||,? for| in)? [A-Z][\w .&]+)?")
_TRAILER = re.compile(r"\(?(?:(?:Additional r|R)eporting|Writing|Compiled|Editing|Produced) [Bb]y ")
_TRAILER_STOP = re.compile(r"[;)]|\.(?: |$)")
_BETWEEN_NAMES = re.compile(
    r"the|and|in|for|at|with|from|additional|reporting|writing|editing|by|de|da|di|del|van|von|den|der|al|el|bin|la|le"
    r"|newsrooms?|staff|bureau|team|agencies|reporters|correspondents"
)
_TRAILER_PART = re.compile(
    rf"(?P<role>(?i:(?:additional )?reporting|writing|compiled|editing|produced)) [Bb]y (?P<names>{_NAMES_AND_PLACES})"
)
_PICTURE = r"(?:Photo(?:graph)?s?|Images?|Illustrations?|Pictures?|Graphics?|Video)"
_CREDIT = re.compile(rf"{_PICTURE}(?: credit| by|: )(?::| by)? ?(?P<who>[^.]{{2,100}})\.?")
_TRAILING_CREDIT = re.compile(rf"(?<=[.!?”\"]) (?P<credit>{_PICTURE}(?: credit| by)?: [^.]{{2,80}})\.?$")
_DESCRIBES = re.compile(
    rf"(?:An? )?(?:(?:stock|file|animated) )?{_PICTURE} (?:of|shows?|showing) .*[^.!?]", re.IGNORECASE
)
_PICTURE_AGENCIES = re.compile(
    r"Getty|Shutterstock|iStock|Alamy|Unsplash|Reuters|\bAP\b|Associated Press|AFP|\bEPA\b|Bloomberg|Handout|Pool|via"
)
_STANDARDS = re.compile(
    r"Our Standards: .*|.{0,60}\bTrust Principles\.?|(?:©|Copyright (?:© ?)?\d{4}\b).*|.{0,60}\bAll rights reserved\.?"
)
_CORRECTION = re.compile(
    r"(?:This (?:article|story|report|piece) (?:was|has been) (?:amended|corrected|updated)\b|(?:Correction|Clarification|Editor['’]s note):).*"
)
_SIGNUP = re.compile(
    r"(?:Thanks|Thank you) for (?:signing up|subscribing)\b.*|(?:Sign up|Subscribe)(?: now| here| today)?(?: (?:for|to)\b.*)?[.!]?"
    r"|Get (?:the|our|all the) .{3,80} (?:in|to) your inbox.*|Okay, Thanks!|Enter your e-?mail.*",
    re.IGNORECASE,
)
_SIGNUP_OUTLET = re.compile(
    r"(?:signing up|subscribing|sign up|subscribe) (?:to|for) (?P<outlet>[A-Z]\w+(?: [A-Z]\w+){0,3}) "
    r"(?:alerts|newsletters?|updates|emails?)\b"
)
_RELATED = re.compile(
    r"(?:Go deeper|Read more|Related(?: articles| stories)?|See also|More from .{2,40}|Read next|Also read|Share this.*|Follow us (?:on|at)\b.*"
    r"|Advertisement|Story continues below)"
    r"(?:[:…].*)?",
    re.IGNORECASE,
)
_JOB = re.compile(
    r"\b(?:reporter|correspondent|editor|journalist|columnist|writer|producer|bureau chief|freelancer|contributor)\b"
)


class Reporters(NamedTuple):
    """The names in an agency trailer, by role."""

    authors: tuple[str, ...]
    contributors: tuple[str, ...]
    editors: tuple[str, ...]


def lines(text: str) -> list[Span]:
    """The lines of a text that are not blank, without their surrounding white space."""
    found = []
    for match in re.finditer(r"[^\n]+", text):
        words = match.group().strip()
        if words:
            start = match.start() + match.group().index(words)
            found.append(Span(start, start + len(words)))
    return found


def names(words: str) -> tuple[str, ...]:
    """The names in an enumeration such as `A B, C D and E F`, without a place after `in`."""
    found = [_AFTER_NAME.sub("", name).strip() for name in _SEPARATOR.split(words)]
    return tuple(name for at, name in enumerate(found) if name and not (at and _NO_PERSON.search(name)))


def byline(line: str) -> tuple[str, ...]:
    """The authors when a line is a byline (`By A B and C D`), else none."""
    found = _BYLINE.fullmatch(line)
    return names(found["names"]) if found else ()


def trailer(line: str) -> Reporters | None:
    """The names in an agency trailer (`Reporting by A B; Editing by C D`), or None when the line is none.

    A sentence of the story that begins so (`Reporting by the agency has shown …`) goes on with other words than names.
    """
    head = _TRAILER.match(line)
    if not head:
        return None
    first = _TRAILER_STOP.split(line[head.end() :], maxsplit=1)[0]
    if any(word.islower() and not _BETWEEN_NAMES.fullmatch(word.strip(",")) for word in first.split()):
        return None
    authors: list[str] = []
    contributors: list[str] = []
    editors: list[str] = []
    for part in _TRAILER_PART.finditer(line):
        role = part["role"].casefold()
        into = contributors if role.startswith("additional") else editors if role == "editing" else authors
        into += names(part["names"])
    return Reporters(tuple(authors), tuple(contributors), tuple(editors))


def credit(line: str) -> str | None:
    """Whom a line that is a picture credit names, or None."""
    found = _CREDIT.fullmatch(line)
    return found["who"] if found else None


def credit_outlet(line: str) -> str | None:
    """The outlet in an illustrator's credit (`Illustration: A B/Outlet`); a picture agency is no outlet."""
    who = credit(line)
    if who is None or not line.startswith("Illustration") or who.count("/") != 1:
        return None
    outlet = who.rsplit("/", 1)[1].strip()
    return None if _PICTURE_AGENCIES.search(outlet) else outlet


def trailing_credit(line: str) -> int | None:
    """Where a picture credit begins at the end of a caption line, or None."""
    found = _TRAILING_CREDIT.search(line)
    return found.start("credit") if found else None


def describes_picture(line: str) -> bool:
    """Whether a line says what a picture shows (`Illustration of …`)."""
    return _DESCRIBES.fullmatch(line) is not None


def signup_outlet(line: str) -> str | None:
    """The outlet whose newsletter a sign-up line is for, or None."""
    found = _SIGNUP_OUTLET.search(line)
    return found["outlet"] if found else None


def biography(line: str, known: tuple[str, ...]) -> bool:
    """Whether a line tells who one of the known authors is."""
    starts = any(line.startswith(name) for name in known)
    return (
        starts
        and _JOB.search(line) is not None
        and re.match(r".{3,60}? (?:is|was|covers|writes|joined) ", line) is not None
    )


def kind(line: str) -> MarkKind | None:
    """What a line is, when its words alone tell that it is not the story."""
    if _STANDARDS.fullmatch(line):
        return "standards"
    if _CORRECTION.fullmatch(line):
        return "correction"
    if _SIGNUP.fullmatch(line):
        return "signup"
    if _RELATED.fullmatch(line):
        return "related"
    if credit(line) is not None:
        return "credit"
    return None
