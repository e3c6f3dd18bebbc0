"""The verbs by which newswriting says who said something, form by form, and what must or may not follow each."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


class Rank(IntEnum):
    """How surely an attribution is that of its whole sentence; the lowest is."""

    FRAME = 0
    """Closes a quotation or a clause: `“…,” said X`."""
    MAIN = 1
    """A main clause: `X said …`."""
    SOURCE = 2
    """`according to X`."""
    ACT = 3
    """Another speech act: `X criticised …`."""
    LOOSE = 4
    """`… was announced by X`, `X took the stage: “…”`."""
    PARTICIPLE = 5
    """`…, saying …`."""
    RELATIVE = 6
    """`…, which X said was …`."""
    REPORTED = 7
    """Within what another says."""


class Verb(NamedTuple):
    """A form of a verb of saying.

    `rank`: MAIN says something, ACT is another speech act (`criticised`); `inverts`: stands before its subject (`“…,” added X`); `noun`: the form can be a
    noun (`claims`); `passive`: `was … by X` makes X the speaker; `needs`, `never`: the words of which one must, or none may, come next; `later`: of which one must come after
    an object, None where there need be no object.
    """

    base: str
    rank: Rank = Rank.MAIN
    inverts: bool = False
    noun: bool = False
    passive: bool = False
    needs: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    later: frozenset[str] | None = None


_IRREGULAR = {
    "say": "say says said saying",
    "tell": "tell tells told telling",
    "write": "write writes wrote writing",
    "speak": "speaks spoke",
}
# Each line: verbs that say something and may stand before their subject.
_INVERTING = """say add note argue explain warn write stress state claim announce insist report observe remark comment tweet declare continue conclude
    recall joke quip lament complain assert maintain allege suggest caution acknowledge admit concede confess confirm predict reveal emphasise emphasize
    reiterate testify reply respond boast exclaim recount opine elaborate"""
_SAYING = """tell indicate deny promise pledge vow urge estimate disclose contend advise speculate ask posit attest
    reaffirm affirm hint inform assure remind counter agree disagree caution agonise outline clarify threaten guarantee forecast react imply"""
# Speech acts that count where nothing else in the sentence says something.
_ACTS = """criticise criticize condemn praise accuse blame welcome demand describe denounce thank apologise apologize propose recommend
    express question decry hail underscore underline highlight characterise characterize liken ridicule"""
_DOUBLED = {"admit": "admitt", "quip": "quipp", "refer": "referr"}
_NOUNS = _set(
    """claims claim reports report notes note states state comments comment estimates estimate promises pledges pledge demands questions tweets remarks vows stresses recalls objects outlines outline forecast forecasts advocates advocate counters counter reveals answers suggest highlights highlight lament laments vow remark complaint threatens alleges"""
)
_PASSIVE = _set("told said stated announced confirmed reported described revealed disclosed declared explained warned")
_NEVER: dict[str, frozenset[str]] = {
    "accused": _set("of in by"),
    "blamed": _set("for by"),
    "reported": _set("by cases case deaths missing injuries"),
    "described": _set("by above below in"),
    "announced": _set("by as"),
    "admitted": _set("to by"),
    "wrote": _set("for a an the his her several many about"),
    "writes": _set("for a an the his her several many"),
    "estimated": _set("at to by in between"),
    "alleged": _set("by to"),
    "claimed": _set("by"),
    "continued": _set("to in on for by until through into with"),
    "continues": _set("to in on for by until through into with"),
    "concluded": _set("in on at by with after"),
    "maintained": _set("by a an its his her their in"),
    "maintains": _set("a an its his her their"),
    "responded": _set("by within in quickly"),
    "observed": _set("by in at a an the as"),
    "recalled": _set("to by from"),
    "questioned": _set("by about"),
    "asked": _set("by"),
    "advised": _set("by"),
    "ordered": _set("by"),
    "indicated": _set("by in"),
    "suggested": _set("by"),
    "noted": _set("for as by"),
    "confirmed": _set("him her them"),
    "confirm": _set("him her them"),
    "recommended": _set("by for"),
    "proposed": _set("by for in"),
    "pledged": _set("by"),
    "praised": _set("for by as"),
    "criticised": _set("for by as"),
    "criticized": _set("for by as"),
    "condemned": _set("to by for"),
    "hailed": _set("as by from"),
    "hails": _set("from"),
    "outlined": _set("by in"),
    "revealed": _set("by in"),
    "highlighted": _set("by in"),
    "welcomed": _set("by to"),
    "told": _set("by to , . ;"),
    "threatened": _set("by with"),
    "added": _set("to by in"),
    "adds": _set("to"),
    "adding": _set("to"),
    "reporting": _set("by in from"),
    "stating": frozenset(),
}
_NEEDS: dict[str, frozenset[str]] = {
    "called": _set("for on it them him her themselves itself himself herself “"),
    "calls": _set("for on it them him her themselves itself himself herself “"),
    "calling": _set("for on it them him her themselves itself himself herself “"),
    "pointed": _set("out to"),
    "points": _set("out to"),
    "pointing": _set("out"),
    "read": frozenset(),
    "reads": frozenset(),
    "spoke": _set("of about"),
    "speaks": _set("of about"),
    "posted": frozenset(),
    "posting": frozenset(),
    "paid": _set("tribute"),
    "ruled": _set("that “ the out"),
    "ordered": _set("that"),
    "thinks": _set("that “"),
    "talked": _set("about of"),
    "asking": _set("“ for whether"),
    "continuing": _set("“"),
    "answered": _set("“ , that"),
    "referred": _set("to"),
    "raised": _set("concerns concern"),
    "issued": _set("statement"),
    "reporting": _set("that “ the a"),
    "announcing": _set("that “ the it to"),
    "outlining": _set("that how why"),
    "holds": _set("that"),
    "believes": _set("that the it he she they there his her their “"),
    "expects": frozenset(),
    "advocates": _set("for"),
    "advocated": _set("for"),
    "advocating": _set("for"),
    "contended": _set("that “"),
    "contends": _set("that “"),
    "agreed": _set("that “"),
    "agree": _set("that “"),
    "agrees": _set("that “ with"),
    "declared": _set("that it he she they there himself herself “"),
    "declares": _set("that it he she they there “"),
    "declare": _set("that “"),
    "rejected": _set("claims allegations accusations criticism suggestions calls reports any"),
    "rejects": _set("claims allegations accusations criticism suggestions calls reports any"),
    "dismissed": _set("claims allegations accusations criticism suggestions calls reports any"),
}


_LATER: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("attacked", "slammed", "blasted", "assailed", "lambasted", "rebuked", "mocked"),
        _set("for as over “ viewing saying calling"),
    ),
    **dict.fromkeys(("regarded", "regards", "identified"), _set("as")),
    "considered": _set("as “"),
    "credited": _set("with for"),
    **dict.fromkeys(("encouraged", "implored"), _set("to")),
    **dict.fromkeys(("labeled", "labelled"), _set("as “")),
    "endorsed": frozenset(),
}
"""Forms that say something of an object right after them, if one of some words comes later (`attacked the plan as …`)."""
_PLAIN = _set("pointed points read reads answered posted posting ruled")


def _forms(base: str) -> list[str]:
    if base in _IRREGULAR:
        return _IRREGULAR[base].split()
    root = _DOUBLED.get(base, base)
    if base.endswith("e"):
        return [base, base + "s", base + "d", base[:-1] + "ing"]
    if base.endswith("y") and base[-2] not in "aeo":
        return [base, base[:-1] + "ies", base[:-1] + "ied", base + "ing"]
    third = base + ("es" if base.endswith(("s", "sh", "ch")) else "s")
    return [base, third, root + "ed", root + "ing"]


def _verbs() -> dict[str, Verb]:
    found: dict[str, Verb] = {}
    for listed, rank, inverts in ((_ACTS, Rank.ACT, False), (_SAYING, Rank.MAIN, False), (_INVERTING, Rank.MAIN, True)):
        for base in listed.split():
            for form in _forms(base):
                found[form] = Verb(
                    base,
                    rank,
                    inverts and not form.endswith("ing"),
                    form in _NOUNS,
                    form in _PASSIVE,
                    _NEEDS.get(form, frozenset()),
                    _NEVER.get(form, frozenset()),
                )
    for form, needs in _NEEDS.items():
        if form not in found:
            rank = Rank.MAIN if form in _PLAIN else Rank.ACT
            base = next((base for base in ("post", "read") if form.startswith(base)), "")
            found[form] = Verb(base, rank, base == "read", noun=form in {"calls", "points"}, needs=needs)
    for form, later in _LATER.items():
        found[form] = Verb("", Rank.ACT, later=later)
    return found


VERBS = _verbs()
"""Every form of a verb of saying."""
