"""Turns of phrase that tell what a goal asks for. English; each is tried on the goal's first 2,000 characters."""

import re

_THING = r"[^,;:?]+?"
_END = r"(?=[,;:?.!]|$)"
_DEGREE = (
    r"(?:more|less|fewer|most|least|first|last|second|earlier|earliest|later|latest|older|oldest|younger|youngest"
    r"|[a-z]{2,}(?:er|est) (?:than|percentage|number|amount|population|of)|larger|smaller|bigger|higher|lower|longer"
    r"|shorter|taller|better|worse|closer|farther|further|nearer|faster|slower|greater|newer|largest|smallest|highest"
    r"|lowest|longest|shortest|biggest|tallest|closest|newest|mainly|mostly)"
)

EXPLICIT = (
    re.compile(
        rf"\bcompar(?:e|es|ed|ing|ison)\b(?: of| between)?\s+({_THING})"
        rf"\s+(?:and|with|to|vs\.?|versus|against)\s+({_THING})"
        r"(?=[,;:?.!]|$| on | in terms | by | regarding )",
        re.I,
    ),
    re.compile(
        rf"\b(?:differences?|similarit(?:y|ies)|distinction|contrast)\s+between\s+({_THING})\s+and\s+({_THING}){_END}",
        re.I,
    ),
    re.compile(rf"({_THING})\s+(?:vs\.?|versus)\s+({_THING}){_END}", re.I),
    re.compile(
        rf"^\s*(?:is|are|was|were|does|did|do|has|have)\s+({_THING})\s+"
        rf"(?:\w+ )?(?:\w+er|(?:more|less|fewer) \w+)\s+than\s+({_THING}){_END}",
        re.I,
    ),
    re.compile(rf"\bdo(?:es)?\s+({_THING})\s+differ\s+from\s+({_THING}){_END}", re.I),
)
CHOICE_AT_END = re.compile(rf"[,:;]\s+(?:the |either )?({_THING}),?\s+or\s+({_THING})\s*\??\s*$", re.I)
CHOICE_INSIDE = re.compile(rf"\b({_THING})\s+or\s+({_THING})\s*\??\s*$", re.I)
NOT_A_THING = re.compile(
    r"^(?:is|are|was|has|have|had|than|to|more|older|less|that|which|what|who|how|in which)\b", re.I
)
DEGREE_WORD = re.compile(rf"\b{_DEGREE}\b", re.I)
BOTH = re.compile(r"\b(?:both|same|in common|alike|share|shared|similar|also|either|neither|too)\b", re.I)
YES_NO = re.compile(r"^\s*(?:and |but )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b", re.I)

_CLAIM = r"(?:claims?|statements?|facts?|assertions?)"
CHECK = re.compile(
    r"^\s*(?:please\s+)?(?:"
    r"(?:is|was) it (?:true|correct|right|the case|a fact)(?: that| to say)?"
    rf"|(?:verify|fact[- ]?check|disprove|refute|double[- ]check)(?: (?:the )?{_CLAIM})?(?:\s*:)?"
    r"(?: whether| if| that)?"
    rf"|(?:check|confirm|prove|validate)(?: (?:the )?{_CLAIM}(?:\s*:)?(?: that)?|\s*:| whether| if| that)"
    r"|true or false\s*:?|(?:claim|statement)\s*:"
    r"|(?:do|does) (?:the )?(?:documents?|evidence|sources?|texts?)"
    r" (?:support|confirm|say|show|prove|contradict|back)(?: the (?:claim|idea|view|statement))?(?: that)?"
    r")\s*:?\s+",
    re.I,
)
SUMMARY = re.compile(
    r"\bsummar(?:y|ies|i[sz]e|i[sz]ing)\b|\boverview\b|\btl;?dr\b|\bgist\b|\bgeneral discussion\b"
    r"|\b(?:main|key|central|important|discussion)(?: discussion)?"
    r" (?:points?|ideas?|findings?|takeaways?|messages?|topics?|themes?)\b"
    r"|\bwhat (?:is|are|was|were) (?:this|these|the)"
    r" (?:documents?|texts?|meetings?|reports?|papers?|files?)(?: all)? about\b"
    r"|\b(?:digest|abstract|recap|synopsis) of\b"
    r"|\banaly[sz]e (?:this|these|the|all|my) (?:documents?|texts?|files?|reports?)",
    re.I,
)
LIST = re.compile(
    r"^\s*(?:please\s+)?(?:list|enumerate|name (?:all|the|some|three|four|five|two|\d+)|find (?:all|every)"
    r"|identify (?:all|the|every)|give (?:me )?(?:all|a list|the list|examples)|show (?:me )?(?:all|every)"
    r"|collect|gather)\b"
    r"|^\s*(?:what|which) (?:are|were) (?:all |some (?:of )?)?(?:the |these )?(?:\w+ ){0,3}?\w+s\b"
    r"|\b(?:all (?:of )?the|every|each of the)\s+\w+s?\b.*\?"
    r"|^\s*(?:what|which) (?:\w+ ){0,2}\w+s (?:are|were|have|do|did)\b",
    re.I,
)
HOP = re.compile(
    r"\b(?:that|which|who|whom|whose|where|when)\b|\bin which\b"
    r"|\b(?:directed|written|founded|created|produced|performed|born|located|based|held|owned|played|known|named|led"
    r"|inspired|formed|starring|starred|featured|featuring|released|composed|recorded|headquartered|voiced|illustrated"
    r"|managed|hosted|published|presented)\b"
    r"|'s\b|’s\b|\b(?:of|in|by|for|from|with) (?:the|a|an|this) \w+",
    re.I,
)
