"""A person's question as search words: no operator, no quote, no end of it can hurt."""

import re

MAX_WORDS = 128
MAX_CHARACTERS = 20_000
_WORD = re.compile(r"[^\W_]+")
_REFUSED = re.compile("[\0\ud800-\udfff]")
_STOP_TEXT = (
    "a about above after again against all am an and any are as at be because been before being below between both but"
    " by can could did do does doing down during each few for from further had has have having he her here hers herself"
    " him himself his how i if in into is it its itself just me more most my myself no nor not of off on once only or"
    " other our ours ourselves out over own same she should so some such than that the their theirs them themselves"
    " then there these they this those through to too under until up very was we were what when where which while who"
    " whom why will with would you your yours yourself yourselves"
)
_STOP_WORDS = frozenset(_STOP_TEXT.split())


def clean_query(query: str) -> str:
    """`query` cut to what a question may be, without what databases refuse: NUL and lone surrogates."""
    return _REFUSED.sub(" ", query[:MAX_CHARACTERS])


def query_words(query: str) -> list[str]:
    """The distinct words of `query` in their order, lower case; function words only when there is nothing else."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(clean_query(query))))
    return ([word for word in words if word not in _STOP_WORDS] or words)[:MAX_WORDS]
