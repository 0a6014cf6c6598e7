"""Two-hop retrieval: the second search is written from what the first one found.

The idea is that of multi-hop retrievers (GoldEn, Qi et al. 2019; Baleen, Khattab et al. 2021), here without a model:
a passage is worth more when a promising passage names its title, or when it names the title of a promising one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.local.names import core_title, mentions, names, new_names
from agents.local.text import STOPWORDS, phrase, unique, words
from documents.types import PassageHit


class Search(Protocol):
    """The best passages for a question in plain words, best first."""

    async def __call__(self, query: str, *, limit: int = 10) -> list[PassageHit]: ...


# Chosen by hand on HotpotQA; both-gold@10 moves by at most 0.02 when any one is halved or doubled.
FIRST_HOP_LIMIT = 100
NAME_LIMIT = 5
SECOND_HOP_LIMIT = 10
LEADS_SEARCHED = 6
LEADS_LINKED = 8
NAMES_PER_QUERY = 12
NAMES_PER_QUESTION = 6
TITLE_IN_QUESTION = 0.6
LEAD_NAMES_TITLE = 0.5
PASSAGE_NAMES_LEAD = 0.3


@dataclass(frozen=True, slots=True)
class Found:
    """A passage with its score (1.0 is the best match of the first search) and the reason it was chosen."""

    hit: PassageHit
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Passages, best first, and every query that was asked for them."""

    passages: list[Found]
    queries: list[str]


@dataclass(slots=True)
class _Pool:
    """All candidates seen so far, with the first search's score of each."""

    question: str
    search: Search
    hits: dict[str, PassageHit] = field(default_factory=dict)
    base: dict[str, float] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)

    async def ask(self, query: str, limit: int) -> list[PassageHit]:
        """Search once per distinct query and add what is new."""
        query = query.strip()
        if not query or query in self.queries:
            return []
        self.queries.append(query)
        hits = await self.search(query, limit=limit)
        for hit in hits:
            self.hits.setdefault(hit.passage_id, hit)
        return hits

    def score(self, hit: PassageHit) -> float:
        """Score without links: the first search's, and more when the question names the title."""
        return self.base.get(hit.passage_id, 0.0) + _title_bonus(hit.title, self.question)

    def leads(self, count: int) -> list[PassageHit]:
        """The most promising candidates, best first; ties keep the order of arrival."""
        return sorted(self.hits.values(), key=self.score, reverse=True)[:count]


async def retrieve(
    search: Search, question: str, *, limit: int = 10, hops: int = 2, known: Sequence[PassageHit] = ()
) -> Retrieval:
    """The best passages for a question, following names from the first hop's passages when `hops` is 2.

    `known` passages (of an earlier hop, scores relative to 1.0) are candidates and leads from the start.
    """
    pool = _Pool(question, search)
    first = await pool.ask(question, FIRST_HOP_LIMIT)
    top = max((hit.score for hit in first), default=0.0) or 1.0
    pool.base = {hit.passage_id: max(hit.score, 0.0) / top for hit in first}
    for hit in known:
        pool.hits.setdefault(hit.passage_id, hit)
        pool.base.setdefault(hit.passage_id, min(1.0, hit.score))
    for name in names(question)[:NAMES_PER_QUESTION]:
        await pool.ask(name, NAME_LIMIT)
    if hops < 2:
        return Retrieval(
            [Found(hit, pool.score(hit), "matches the question") for hit in pool.leads(limit)], pool.queries
        )
    for lead in pool.leads(LEADS_SEARCHED):
        for query in second_hop_queries(question, lead):
            await pool.ask(query, SECOND_HOP_LIMIT)
    return Retrieval(_rank(pool)[:limit], pool.queries)


def second_hop_queries(question: str, lead: PassageHit) -> list[str]:
    """What to ask next, given a passage: the names it brings in, and its title, each with the words it leaves open."""
    known = frozenset(words(question))
    covered = set(words(f"{lead.title} {lead.text}"))
    open_words = [word for word in unique(words(question)) if word not in covered and word not in STOPWORDS]
    brought = new_names(lead.text, known)[:NAMES_PER_QUERY]
    return unique([" ".join(brought + open_words), " ".join([core_title(lead.title), *open_words])])


def _title_bonus(title: str, question: str) -> float:
    """More for a longer title that the question contains word for word."""
    if not mentions(phrase(question), title):
        return 0.0
    return TITLE_IN_QUESTION * min(1.0, len(words(core_title(title))) / 2 + 0.2)


def _rank(pool: _Pool) -> list[Found]:
    """All candidates by their own score plus the best link to a lead of another document."""
    leads = [(lead, phrase(lead.text), pool.score(lead)) for lead in pool.leads(LEADS_LINKED)]
    found = [_linked(hit, pool.score(hit), leads) for hit in pool.hits.values()]
    return sorted(found, key=lambda item: item.score, reverse=True)


def _linked(hit: PassageHit, own: float, leads: Iterable[tuple[PassageHit, str, float]]) -> Found:
    """A candidate with its best link added, and that link told in words."""
    best, why = 0.0, "matches the question"
    text = phrase(hit.text)
    for lead, lead_text, lead_score in leads:
        if lead.document_id == hit.document_id:
            continue
        if mentions(lead_text, hit.title) and (bonus := LEAD_NAMES_TITLE * lead_score) > best:
            best, why = bonus, f"named in “{lead.title}”"
        if mentions(text, lead.title) and (bonus := PASSAGE_NAMES_LEAD * lead_score) > best:
            best, why = bonus, f"names “{lead.title}”"
    return Found(hit, own + best, why)
