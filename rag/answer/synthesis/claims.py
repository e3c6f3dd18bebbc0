"""What a language model wrote, to claims: read while it streams, from JSON or from prose, and never trusted to be either."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic_core import from_json

from rag.answer.synthesis.prose import LONGEST_TEXT, blocks, has_words, statements

LONGEST_CLAIM = 600
"""Characters that a claim has at most."""
LONGEST_REPLY = 200_000
"""Characters of a reply that are read."""

_DEEPEST = 8  # levels of nesting in which claims are looked for: every level is parsed once more
_NOTED = 10
_HUGE = 10**6

_TEXTS = ("text", "claim", "statement", "sentence", "fact", "answer", "content")
_PASSAGES = ("passages", "passage", "citations", "citation", "cites", "sources", "source", "evidence", "refs")
_NUMBER_KEYS = ("number", "n", "id", "passage")
# fmt: off
_LISTS = ("claims", "claim", "statements", "sentences", "facts", "answers", "answer", "items", "result", "results",
          "response", "output", "data", "arguments", "parameters")
# fmt: on
_THOUGHTS = frozenset({"think", "thinking", "thought", "thoughts", "reasoning", "scratchpad"})
_LONGEST_TAG = max(map(len, _THOUGHTS)) + 3
_THOUGHT_ENDS = tuple(f"</{name}>" for name in _THOUGHTS)

_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_CONTROL = re.compile(r"[\x00-\x1f]")
_BARE_QUOTE = re.compile(r'(?<!\\)"')
_NUMBER = re.compile(r"(?<![\d.])\d{1,6}(?!\.?\d)")
_FINAL = " .,:;!?…"
_TAIL = 100
_FINISHED = re.compile(r"(?:[.!?…](?:\s*\n|[\"”’»]|\s?[\[(【][^\n]{1,40}[\])】])|[\])】][.!?…])\W*$")
"""What a sentence surely ends with: a full stop alone may be that of `Mr.` or of `3.5`."""
_WHOLE = re.compile(
    r'\{\s{0,40}"text"\s{0,40}:\s{0,40}"(?P<text>.{1,700}?)"\s{0,40}'
    r'(?:,\s{0,40}"passages"\s{0,40}:\s{0,40}(?P<passages>\[[\d\s,"]{0,200}\]|"?[\d, ]{1,80}"?)\s{0,40},?\s{0,40})?\}',
    re.DOTALL,
)


@dataclass(frozen=True)
class Written:
    """A claim as a model wrote it, one sentence, and the numbers of the passages, counted from 1, that it names for it."""

    text: str
    passages: tuple[int, ...]


@dataclass
class _Frame:
    """An object or array that is open: its first character, where it starts, whether claims may stand in it, and whether one did.

    `key` is the last string that ended in it: what opens after it is its value.
    """

    kind: str
    start: int
    claims: bool
    gave: bool = False
    key: tuple[int, int] = (0, 0)


class ClaimReader:
    """Reads a reply, in pieces as they come. However a reply is cut into pieces, its claims and faults are the same.

    Looked for is `{"claims": [{"text": …, "passages": [1, 3]}]}`; whatever stands around it, and many other forms of it, are put up with. Where no
    JSON comes, the sentences are the claims. Nothing that a model writes makes this raise, and the time it takes grows with the length alone.

    Args:
        most: how many claims to give.
        passages: how many passages there are; other numbers are dropped.
    """

    def __init__(self, most: int, passages: int) -> None:
        self._most = most
        self._passages = passages
        self._chars: list[str] = []
        self._half = ""
        self._step: Callable[[str], None] = self._outside
        self._stack: list[_Frame] = []
        self._open = {"{": 0, "[": 0}
        self._from = 0
        self._escaped = False
        self._thoughts = True
        self._read_to = 0
        self._is_json = False
        self._prose: list[str] = []
        self._ready: list[Written] = []
        self._texts: set[str] = set()
        self._faults: dict[str, None] = {}
        self._missing: set[int] = set()
        self._done = False

    @property
    def faults(self) -> tuple[str, ...]:
        """What was off so far, in words, each once."""
        if not self._missing:
            return tuple(self._faults)
        noted = [str(number) if number < _HUGE else "a huge number" for number in sorted(self._missing)[:_NOTED]]
        more = ", …" if len(self._missing) > _NOTED else ""
        return (*self._faults, f"passages that do not exist: {', '.join(noted)}{more}")

    def feed(self, piece: str) -> list[Written]:
        """The claims that are complete with this piece, in order, each once."""
        self._read(self._whole_characters(piece))
        return self._take_ready()

    def end(self, *, cut: bool = False) -> list[Written]:
        """The claims that were only complete with the end of the reply. Calling it again gives none.

        Args:
            cut: the model was stopped before it had ended: a sentence that may go on is no claim.
        """
        if self._done:
            return []
        if self._half:
            self._read("\ufffd")
        if self._step == self._thinking:
            self._reread_thought()
        if self._step in (self._opening, self._tag):
            self._prose += self._chars[self._from :]
        if self._stack:
            self._note("cut off")
            self._cut_off()
        if not self._is_json:
            self._read_prose(cut=cut)
        if not self._texts and not self._faults and not self._is_json:
            self._note("no claims in it")
        self._done = True
        return self._take_ready()

    def _read(self, text: str) -> None:
        for char in text:
            if self._done:
                return
            if len(self._chars) == LONGEST_REPLY:
                self._note(f"over {LONGEST_REPLY:,} characters: the rest left out")
                return
            self._chars.append(char)
            self._step(char)

    def _take_ready(self) -> list[Written]:
        ready, self._ready = self._ready, []
        return ready

    def _note(self, fault: str) -> None:
        self._faults[fault] = None

    def _whole_characters(self, piece: str) -> str:
        """Halves of surrogate pairs joined, also across pieces; those without another half replaced."""
        if not self._half and not _SURROGATE.search(piece):
            return piece
        piece = self._half + piece
        self._half = ""
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        joined = _PAIR.sub(lambda pair: (pair[1] + pair[2]).encode("utf-16", "surrogatepass").decode("utf-16"), piece)
        return _SURROGATE.sub("\ufffd", joined)

    # The steps: each takes the character that was just appended, and names the next step.

    def _outside(self, char: str) -> None:
        if char in "{[":
            self._from, self._step = len(self._chars) - 1, self._opening
        elif char == "<" and self._thoughts:
            self._from, self._step = len(self._chars) - 1, self._tag
        else:
            self._prose.append(char)

    def _opening(self, char: str) -> None:
        """After a bracket in prose, which opens JSON only if what follows it does so in JSON."""
        if char.isspace():
            return
        kind = self._chars[self._from]
        if char in ('"}' if kind == "{" else '{"'):
            self._push(kind, self._from)
            self._step = self._inside
            self._inside(char)
        else:
            self._not_after_all(char)

    def _tag(self, char: str) -> None:
        if char == ">":
            tag = "".join(self._chars[self._from + 1 : -1]).lower()
            if tag in _THOUGHTS:
                self._step = self._thinking
                return
            if tag.removeprefix("/") in _THOUGHTS:  # opened in the prompt: all before it was thought
                self._prose.clear()
                self._step = self._outside
                return
        if (char.isalpha() or char == "/") and len(self._chars) - self._from < _LONGEST_TAG:
            return
        self._not_after_all(char)

    def _not_after_all(self, char: str) -> None:
        """What looked like JSON or a tag is prose; the last character is looked at afresh."""
        self._prose += self._chars[self._from : -1]
        self._step = self._outside
        self._outside(char)

    def _thinking(self, char: str) -> None:
        if char == ">" and "".join(self._chars[-_LONGEST_TAG:]).lower().endswith(_THOUGHT_ENDS):
            self._step = self._outside

    def _inside(self, char: str) -> None:
        if char == '"':
            self._from, self._step = len(self._chars), self._string
        elif char in "{[":
            self._push(char, len(self._chars) - 1)
        elif char in "}]":
            self._close("{" if char == "}" else "[")

    def _string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._stack[-1].key = (self._from, len(self._chars) - 1)
            self._step = self._inside

    def _push(self, kind: str, start: int) -> None:
        claims = len(self._stack) < _DEEPEST
        if self._stack:
            parent = self._stack[-1]
            claims = claims and parent.claims
            if claims and parent.kind == "{":
                claims = "".join(self._chars[slice(*parent.key)]).lower() in _LISTS
                self._is_json = self._is_json or claims
        self._stack.append(_Frame(kind, start, claims))
        self._open[kind] += 1

    def _close(self, kind: str) -> None:
        """Closes the innermost open object or array, and whatever was left open in it."""
        if not self._open[kind]:
            return
        while True:
            frame = self._stack.pop()
            self._open[frame.kind] -= 1
            if frame.kind == kind:
                break
        if frame.claims and not (kind == "[" and (self._stack or frame.gave)):
            self._closed(frame)
        if not self._stack:
            self._step = self._outside
            if not frame.gave:
                self._prose += self._chars[frame.start :]

    def _closed(self, frame: _Frame) -> None:
        raw = "".join(self._chars[frame.start :])
        value = _load(raw)
        if value is not None:
            taken = self._take(value, own=not frame.gave)
        else:
            taken = not frame.gave and self._take_whole(raw)
            if not taken and not frame.gave and self._is_json:
                self._note("a claim that cannot be read left out")
        if taken:
            self._read_to = len(self._chars)
            self._is_json = frame.gave = True
            for around in self._stack:
                around.gave = True

    def _cut_off(self) -> None:
        """The claim that the reply broke off in, as far as it is complete, and claims that a stray quotation mark hid."""
        rest = "".join(self._chars[max(self._stack[0].start, self._read_to) :])
        if self._take_whole(rest):
            self._is_json = True
            return
        for frame in reversed(self._stack):
            if not frame.claims or frame.gave or frame.kind != "{":
                continue
            raw = "".join(self._chars[frame.start :]).rstrip()
            unsure = raw.endswith('"') and self._step == self._inside  # the mark may be one of the text's, not escaped
            value = None if unsure else _load(raw, partial=True)
            if self._take(value, own=True, cut_number=raw[-1:].isdigit()):
                self._is_json = True
                return
        self._is_json = self._is_json or '"text"' in rest or '"claim' in rest

    def _reread_thought(self) -> None:
        """A thought that never ends may hold the reply as JSON; its prose is no reply."""
        self._note("cut off")
        thought, before = self._chars[self._from :], self._prose
        self._chars, self._prose, self._thoughts, self._step, self._read_to = [], [], False, self._outside, 0
        self._read("".join(thought))
        self._prose = before
        if self._step == self._opening:
            self._step = self._outside

    def _take(self, value: object, *, own: bool, cut_number: bool = False) -> bool:
        """The claims of an object or array that is closed; those of objects inside it were taken when these closed. Tells whether it had any."""
        listed: list[object] = []
        if isinstance(value, list):
            listed = value
        elif isinstance(value, dict):
            fields = {str(key).lower(): one for key, one in value.items()}
            lists = [one for key in _LISTS if isinstance(one := fields.get(key), list)]
            texts = (one for key in _TEXTS if isinstance(one := fields.get(key), str))
            text = next(texts, None) if own and not lists else None
            if text is not None:
                named = [number for key in _PASSAGES if key in fields for number in _numbers(fields[key])]
                self._give(text, named[:-1] if cut_number else named)
                return True
            listed = [one for items in lists for one in items]
        strings = [one for one in listed if isinstance(one, str)]
        for one in strings:
            self._give(one, [])
        return bool(strings)

    def _take_whole(self, raw: str) -> bool:
        """Claims in JSON that does not parse, found by their form, with the quotation marks in them that were not escaped."""
        taken = False
        for match in _WHOLE.finditer(raw):
            text = _load(f'"{_BARE_QUOTE.sub(chr(92) + chr(34), _CONTROL.sub(_escaped, match["text"]))}"')
            if isinstance(text, str):
                self._give(text, _numbers(match["passages"] or ""))
                taken = True
        return taken

    def _read_prose(self, *, cut: bool) -> None:
        before = len(self._texts)
        text = "".join(self._prose)
        listed = [*blocks(text)]
        unfinished = cut and bool(listed) and not _FINISHED.search(text[-_TAIL:])
        if unfinished:
            self._note("cut off")
        for number, block in enumerate(listed, start=1):
            self._give(block, [], prose=True, unfinished=unfinished and number == len(listed))
        if len(self._texts) > before:
            self._note("not JSON: read as prose")

    def _give(self, text: str, named: list[int], *, prose: bool = False, unfinished: bool = False) -> None:
        """Each sentence of a text as a claim, unless it is left out; what in prose only introduces others is none, nor is an unfinished last one."""
        if self._done:
            return
        named = self._existing(named)
        if not has_words(text):
            self._note("a claim without words left out")
        if len(text) > LONGEST_TEXT:
            self._note(f"a text over {LONGEST_TEXT:,} characters cut")
        for statement, markers in [*statements(text)][: -1 if unfinished else None]:
            key = statement.casefold().rstrip(_FINAL)
            if key in self._texts or (prose and statement.endswith(":")):
                continue
            if len(statement) > LONGEST_CLAIM:
                self._note(f"a claim over {LONGEST_CLAIM} characters left out")
            elif len(self._texts) == self._most:
                self._note(f"more than {self._most} claims: the rest left out")
                self._done = True
                return
            else:
                self._texts.add(key)
                self._ready.append(Written(statement, tuple(named or self._existing(markers))))

    def _existing(self, numbers: list[int]) -> list[int]:
        """The numbers that passages have, each once, in order; the others are noted."""
        self._missing |= {min(number, _HUGE) for number in numbers if not 1 <= number <= self._passages}
        return list(dict.fromkeys(number for number in numbers if 1 <= number <= self._passages))


def _load(raw: str, *, partial: bool = False) -> object | None:
    """A JSON value, also with commas too many and line ends in strings; None where it is none. A partial one ends before a string that is not closed."""
    for form in (raw, _TRAILING_COMMA.sub("", _CONTROL.sub(_escaped, raw))):
        try:
            value: object = from_json(form, allow_partial=partial)
        except ValueError:
            continue
        return value
    return None


def _escaped(control: re.Match[str]) -> str:
    """A control character as JSON has it in strings; white space as a space, as it may stand outside of them."""
    return " " if control[0].isspace() else f"\\u{ord(control[0]):04x}"


def _numbers(value: object) -> list[int]:
    """The passages that a value names: 1, [1, 3], "1, 3", "[1]", [{"passage": 1}]."""
    if isinstance(value, str):
        return [int(number) for number in _NUMBER.findall(value)]
    if isinstance(value, dict):
        value = [one for key, one in value.items() if str(key).lower() in _NUMBER_KEYS]
    if isinstance(value, list):
        return [number for one in value for number in _numbers(one)]
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    return [int(value)] if whole else []  # type: ignore[call-overload]
