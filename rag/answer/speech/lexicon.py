"""The words by which newswriting says who said something: nouns for those who speak, and words that bound them."""

from __future__ import annotations

import re
from functools import lru_cache


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SAID_TO = _set("say state explain write speak announce report comment remark confirm complain reveal disclose admit")
STANCE = re.compile(
    r"\b(?:advocat(?:ed|es|ing)|support(?:s|ed)|back(?:s|ed)|thinks?|thought|believe[sd]?|recogni[sz]e[sd]?"
    r"|want(?:s|ed)|hope[sd]|(?:is|are) willing|considere?[sd]|oppose[sd])\b"
)
"""Verbs of holding a view, which count as speaking only where nothing in the sentence says something."""

SOURCE = re.compile(
    r"\b(?P<verb>according to|[Aa]s (?:reported|stated|announced|told|confirmed) by|[Ii]n the words of)\s+",
    re.IGNORECASE,
)
QUOTED_AS = re.compile(
    r"\b(?P<quoting>quot(?:ed|es|ing)|cit(?:ed|es|ing)|reported)\b[^.;“]{0,80}?\bas (?P<verb>saying|stating|telling|warning|claiming)\b"
)

TIMES = _set(
    """monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays january february march april
    may june july august september october november december yesterday today tomorrow tonight week month year morning evening afternoon night weekend
    midday noon midnight day earlier later recently"""
)
OCCASIONS = _set(
    """statement interview tweet briefing speech report press conference news release letter post blog video message announcement meeting email e-mail
    broadcast address hearing court televised written joint separate"""
)
PRONOUNS = _set("he she they it i we you")
OBJECT_PRONOUNS = _set("him her them us me himself herself themselves itself")
DETERMINERS = _set(
    "the a an his her its their our my your this these those that some many several one two three four five another both each every all"
)
PREPOSITIONS = _set(
    """on in at by during after before following with without for from to of about against over near under between among amongst amid through via into since until
    despite besides per within towards toward upon across like regarding concerning including outside inside throughout behind beyond out"""
)
LINKS = _set("of for from at in on")
ASIDES = _set(
    """however meanwhile also too therefore moreover though furthermore instead nonetheless nevertheless then now who whose which whom where when while as
    speaking citing if although according aged again rather indeed asked well"""
)
ADVERBS = _set(
    """also later then further again sometimes often usually reportedly repeatedly previously recently earlier already once meanwhile even still now often never always just only
    have today yesterday furthermore however additionally moreover subsequently initially eventually publicly tonight immediately jointly separately since
    first instead early late more most less both too simply therefore thus nevertheless nonetheless finally has had all together likewise similarly afterwards thereafter shortly namely notably specifically"""
)
ADJECTIVES = _set("first late early more most less further own together")
"""Adverbs that also stand inside a noun phrase."""
DAYS = _set(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december"""
)
TIME_ADVERBS = _set("yesterday today tomorrow tonight earlier later recently")
NOT_ADVERBS = _set(
    "family ally assembly supply only monopoly july reply bully anomaly butterfly rally early daily weekly monthly elderly friendly"
)
NOT_PARTICIPLES = _set(
    "king ring spring morning evening building meeting being wing sing thing things during nothing something hearing string briefing gathering filing ruling beijing wedding housing"
)
AUXILIARIES = _set("has have had having been be is are was were being did does do")
BE = _set("is are was were be been being gets got")
MODALS = _set("will would can could may might shall should must")
NEGATIONS = _set("not never neither nor hardly")
FIRST_PERSON = _set("i we you i'm i've i'd i'll we're we've you're you've it's that's they're he's she's")
NOBODY = _set("no-one nobody none i we you what who which that this there one those these here such")
JOINS = _set(
    """that which who whom whose what when while after before because although though as if whether where until since than but so yet
    once unless how why wherever whenever"""
)
RELATIVES = _set("that which whom where what who whose how why")
SUBORDINATORS = _set("when while after before because although though if whether until since once unless as than")
APPOSITION_STARTS = _set("one former now head part also who whose which whom where himself herself aged")
SIDES = _set("sides countries nations governments powers")
PERSONAL = _set("endorsed labeled labelled")
"""Forms that are speech of a person, and an act of a body."""
FORCES = _set("hurricane storm cyclone typhoon tornado earthquake flood wildfire fire")
"""Nouns that slam and blast, but say nothing."""
JUDGING_PARTICIPLES = _set(
    "accusing calling describing criticising criticizing condemning praising blaming denouncing advocating"
)
"""Participles of other speech acts that say what a sentence's subject said (`…, accusing X of …`)."""
NOT_WHILE = _set(
    "indicate suggest reveal confirm estimate predict highlight underscore underline demand threaten propose forecast speculate"
)
"""Verbs whose participle (`…, suggesting`) says what something means, not what someone says."""
QUOTING = _set("post react continue conclude maintain observe elaborate read boast")
"""Verbs that say something only with a quotation or `that`."""
CLAUSE_STARTS = _set("the a an his her its their that it he she they there no some all “")
OBJECT_STARTS = _set(
    "the a an his her its their that this these those it he she they him them there to on in at by for from with no some all not out into how why what"
) | {"“"}
SENTENCE_STARTS = DETERMINERS | PREPOSITIONS | JOINS | ADVERBS | _set("it he she they there and or not no")
FINITE = _set(
    """is are was were has have had will would can could may might must shall should does did do isn't aren't wasn't weren't hasn't haven't hadn't won't
    wouldn't can't couldn't doesn't didn't don't left met took made gave came went said told spoke wrote won began held became felt saw sent put ran led got
    grew kept lost paid rose fell set stood understood thought knew believed believe believes wants wanted want hopes hoped hope says tells found caught
    brought bought broke chose drew drove fought hit let meant plans plan planned seems seemed appears appeared remains remained shows showed include
    includes included died declined refused resigned took withdrew swore shot stole flew struck sought sold spent taught threw wore woke rode shook hid fled drank ate quit lay laid lent overtook
    undertook forgot slept sang swung tore sank"""
)

ROLES = _set(
    """spokesperson spokesman spokeswoman spokespeople spokesmen spokespersons minister president premier chancellor official ambassador envoy representative secretary
    leader chief director chairman chairwoman chair chairperson ceo cfo head governor mayor senator congressman congresswoman deputy mp mep lawmaker legislator
    professor researcher scientist author analyst expert lawyer attorney prosecutor judge justice officer commissioner sheriff detective inspector superintendent
    sergeant constable captain colonel major general lieutenant admiral commander marshal doctor dr physician nurse surgeon teacher principal student coach manager
    player actor actress director producer writer journalist reporter editor correspondent activist campaigner candidate founder co-founder owner
    executive economist engineer historian meteorologist forecaster biologist physicist astronomer epidemiologist virologist king queen prince princess
    pope bishop archbishop cardinal priest imam rabbi resident witness eyewitness neighbour neighbor survivor victim father mother brother sister
    son daughter wife husband widow uncle aunt cousin parent family man woman boy girl people person farmer worker driver pilot passenger member
    critic supporter opponent protester organiser organizer organizers organisers observer source insider aide adviser advisor diplomat negotiator regulator
    investigator firefighter soldier veteran defendant suspect plaintiff counsel consultant specialist coordinator co-ordinator curator singer musician artist designer
    businessman businesswoman billionaire entrepreneur investor trader politician councillor councilor councilman councilwoman speaker whip chancellor
    premier treasurer veterinarian psychologist sociologist pathologist coroner medic paramedic rescuer volunteer other others team-mate
    teammate fellow colleague friend relative developer programmer secretary-general director-general rapporteur nominee appointee vice-president administrator host
    presenter comedian filmmaker co-author contributor fan visitor tourist villager mourner delegate trustee dean provost chaplain lord lady baroness
    assistant undersecretary undersecretary-general comptroller auditor ombudsman guard manufacturer operator publisher provider user customer reader juror
    mountaineer climber explorer skipper goalkeeper midfielder striker captain trainer organizer protestor demonstrator refugee migrant employee employer"""
)
BODIES = _set(
    """ministry government administration agency army authority bank commission commissioner council court embassy military navy parliament police department office company
    firm corporation party union group organisation organization association committee board team club league federation institute university college school
    hospital service bureau centre center airline charity foundation campaign coalition alliance network newspaper magazine broadcaster channel website
    station outlet media press house senate congress cabinet assembly regulator watchdog church society band label studio side crew state city council
    squad force forces staff prosecution defence defense opposition regime kremlin palace tribunal panel jury airport operator manufacturer retailer
    community industry public country nation delegation developers brigade guard fund mission programme program project movement militia theatre theater museum gallery orchestra consortium trust laboratory
    observatory survey commission secretariat treasury headquarters"""
)
_DOCUMENTS = _set(
    """report statement study paper letter article tweet announcement document lawsuit complaint indictment affidavit filing release memo email post
    review analysis poll survey ruling verdict judgment judgement resolution bulletin notice message warrant petition transcript law bill
    constitution order treaty agreement guidelines data figures account suit decision advisory text note abstract findings website description opinion posting caption headline hypothesis investigation publication"""
)
_NOT_ROLES = _set(
    """number water power winter summer weather river tower border matter disorder cancer fever error factor sector tumor tumour quarter computer
    character chapter corner order paper letter water disaster october september november december former other after under over later earlier
    never ever her however another either neither rather whether minor major prior exterior interior inner outer upper lower senior junior floor
    door poor color colour humor flavor harbor behavior labor labour rigor error terror horror motor layer shoulder dinner hunger anger danger finger
    murder gender offer super hyper flyer trailer container carrier cover easter master monster cluster thunder meter liter litter ladder bitter
    elder younger human german ottoman yemen specimen omen abdomen better bigger larger smaller higher longer newer older wider greater fewer"""
)
SENIOR = _set(
    "senior junior former acting deputy vice prime chief lead assistant executive then current incumbent major interim retired"
)
_AGENT = re.compile(r"(?:[a-z]{2,}(?:er|or|ist|ian|eer|man|woman|men|women|person|people))(?:s)?")
_HEADS = re.compile(r"(?:^|-)(?P<head>[a-z]+)$")


UTTERANCES = _set(
    "statement tweet letter post message email announcement response remarks comments comment reply tweets words"
)
"""What someone says or writes in their own name: `Velling's statement read` is Velling speaking."""
UTTERED = UTTERANCES | _set("conference speech interview briefing address video rally debate")
UTTERING = _set("saying stating claiming arguing alleging announcing insisting warning declaring denying urging")
"""What one holds or gives, and the participle that tells what was said there: `held a press conference claiming …`."""
OWN_WORDS = UTTERANCES | _set(
    "notice report study paper letter article story review analysis survey poll release memo complaint lawsuit suit petition bulletin advisory book blog"
)
"""Documents that say what their owner says: `the institute's report said`. An indictment is not its subject's."""
JOURNALISM = _set("article report story")
PUBLISHED = _set("published publishes released releases issued issues printed ran wrote sent posted")
MANY_BODIES = _set(
    "government police state country public party community media side city council nation company club team house school hospital university court"
    " campaign office department staff industry court force forces military army authority union group movement company firm church fund programme program project"
)
"""Bodies of which an article that names one often means another."""
CLAIMING = _set("say tell write tweet state claim argue add insist deny warn")
"""Verbs whose subject speaks even where the sentence names a source for it (`According to Reuters, Velling said …`)."""
QUANTIFIERS = _set(
    "number majority minority handful couple lot dozens hundreds thousands some many several one two three four five all each part group most both"
)
"""Words whose `of` is followed by those who speak: `a number of senators`."""
PARTICLES = _set("de da del della van von der den bin ibn al el la le du di dos ter ten")
"""Small words inside names: `Gloria de la Cruz`."""
GIVEN_NAMES = _set(
    """hunter carter parker tyler taylor walter peter oliver victor viktor hector igor trevor connor conor spencer alexander christopher jennifer heather esther
    amber roger xavier javier olivier pierre fletcher cooper harper skyler archer asher piper tanner sawyer rainer gunter gunther günter günther dieter werner
    eleanor salvador ian brian bryan adrian damian julian fabian vivian lillian lilian gillian florian marian christian sebastian dorian kilian cillian
    herman norman roman truman rayman carmen aylmer homer elmer summer ginger jasper casper kasper lester chester luther wagner turner miller baker butler
    fisher foster gardner porter potter cameron mercer palmer bowman chapman coleman freeman hoffman newman sherman thurman wiseman"""
)
"""Names that look like nouns for what people do."""
MONTH_NAMES = _set("may march april june august")
"""Months that are people's names too."""


def bare(word: str) -> str:
    """A word in small letters, without a possessive ending."""
    return re.sub(r"['’]s?$", "", word).lower()


def is_plural(word: str) -> bool:
    """Whether a noun can be the subject of a verb in the plural (`experts say`)."""
    return (
        word in PEOPLE_WORDS
        or word in {"they", "media", "children"}
        or (word.endswith("s") and not word.endswith(("ss", "'s", "us")))
    )


def singular(word: str) -> str:
    """A noun without its plural ending, in small letters."""
    word = word.lower()
    if word.endswith("men"):
        return word[:-3] + "man"
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=20_000)
def is_role(word: str) -> bool:
    """Whether a word names what a person is or does (`minister`, `spokeswomen`, `geologist`)."""
    one = singular(word)
    if word.lower() in ROLES or one in ROLES or one.rsplit("-", 1)[-1] in ROLES:
        return True
    return (
        one not in _NOT_ROLES
        and word.lower() not in _NOT_ROLES
        and one not in BODIES
        and one not in _DOCUMENTS
        and _AGENT.fullmatch(one) is not None
    )


def is_title(word: str) -> bool:
    """Whether a word can stand before a name as a title: a role, or `Mr.`, `Dr.` and the like."""
    if word[:1].isupper() and word.lower() in GIVEN_NAMES:
        return False
    return is_role(word.rstrip(".")) or word.lower() in HONORIFICS


def is_body(word: str) -> bool:
    """Whether a word names a body that speaks (`ministry`, `company`)."""
    return word.lower() in BODIES or singular(word) in BODIES


def is_document(word: str) -> bool:
    """Whether a word names what is written (`report`, `statement`)."""
    return word.lower() in _DOCUMENTS or singular(word) in _DOCUMENTS


def is_speaker(word: str) -> bool:
    """Whether a noun can be the subject of a verb of saying."""
    return is_role(word) or is_body(word) or is_document(word)


PEOPLE_WORDS = _set(
    "some many others several both all most two three four five men women police authorities forecasters sources locals"
)
HONORIFICS = {
    "mr": "he", "mr.": "he", "sir": "he", "lord": "he", "king": "he", "prince": "he", "pope": "he", "spokesman": "he", "chairman": "he", "father": "he",
    "brother": "he", "son": "he", "husband": "he", "actor": "", "businessman": "he", "congressman": "he", "policeman": "he", "uncle": "he",
    "mrs": "she", "mrs.": "she", "ms": "she", "ms.": "she", "lady": "she", "queen": "she", "princess": "she", "spokeswoman": "she", "chairwoman": "she",
    "mother": "she", "sister": "she", "daughter": "she", "wife": "she", "widow": "she", "actress": "she", "congresswoman": "she", "aunt": "she",
    "duchess": "she", "baroness": "she", "businesswoman": "she", "man": "he", "boy": "he", "woman": "she", "girl": "she",
}  # fmt: skip
"""Titles and nouns that tell which pronoun a person takes."""
