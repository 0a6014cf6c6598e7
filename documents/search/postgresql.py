"""PostgreSQL: a tsvector column with a GIN index finds 200 candidates for an OR query, BM25 orders them.

(`websearch_to_tsquery` joins with AND and finds almost nothing for a question in natural language; `ts_rank` alone
knows no rarity of words.) Scope labels are lexemes without a position in the same vector.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connections

from documents.search.bm25 import Candidate, score_candidates
from documents.search.types import Entry, Scope, Scored, entry_labels, project_label
from documents.search.words import MAX_WORDS, clean_query

CANDIDATES = 200
RANKED_AT_MOST = 2000
"""Passages looked at to choose the candidates, as far as rare words give enough of them: on SciFact as good as looking
at all that hold any word (nDCG@10 0.677 and 0.673 on 250 queries), three times as fast, and no slower in a project
twenty times as large."""

_TITLE_WEIGHT = 1.5

_INDEX = """
    UPDATE passage SET search = setweight(to_tsvector('english', entry.title), 'A')
        || to_tsvector('english', passage.text) || array_to_tsvector(string_to_array(entry.labels, ' '))
    FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS entry (id, title, labels)
    WHERE passage.id = entry.id
"""
_REMOVE = "UPDATE passage SET search = NULL WHERE document_id = %s"
_TERMS = "SELECT lexeme FROM unnest(to_tsvector('english', %s)) ORDER BY positions[1], lexeme LIMIT %s"
_HOLDING = """
    SELECT wanted.number, (SELECT count(*) FROM passage WHERE search @@ wanted.query::tsquery)
    FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (query, number)
"""
_CANDIDATES = """
    WITH candidate AS MATERIALIZED (
        SELECT id, char_length(text) AS length, search FROM passage
        WHERE search @@ %s::tsquery
        ORDER BY ts_rank('{0.5, 0.5, 0.5, 1.0}'::float4[], search, %s::tsquery) DESC, id
        LIMIT %s
    )
    SELECT candidate.id, candidate.length, entry.lexeme, entry.weights
    FROM candidate CROSS JOIN LATERAL unnest(candidate.search) AS entry
    WHERE entry.lexeme = ANY(%s)
"""


class PostgresSearch:
    """Rarity is counted inside the project: what others store changes nobody's ranking."""

    def __init__(self, using: str = "default") -> None:
        self.using = using

    def index(self, entries: Iterable[Entry]) -> None:
        rows = [(entry.passage_id, entry.title, " ".join(entry_labels(entry))) for entry in entries]
        if rows:
            with connections[self.using].cursor() as cursor:
                cursor.execute(_INDEX, [list(column) for column in zip(*rows, strict=True)])

    def remove(self, document_id: UUID) -> None:
        with connections[self.using].cursor() as cursor:
            cursor.execute(_REMOVE, [document_id])

    def search(self, scope: Scope, query: str, limit: int) -> list[Scored]:
        if scope.is_empty or limit < 1:
            return []
        with connections[self.using].cursor() as cursor:
            cursor.execute(_TERMS, [clean_query(query), MAX_WORDS])
            terms = [lexeme for (lexeme,) in cursor.fetchall()]
            if not terms:
                return []
            passage_count, holding = _count(cursor, scope, terms)
            telling = terms if scope.labels() else telling_terms(holding, enough=max(limit, CANDIDATES))
            candidates = _candidates(cursor, scope, terms, telling, max(limit, CANDIDATES))
        scored = score_candidates(candidates, passage_count=passage_count, passages_with=holding)
        return [Scored(passage_id, score) for passage_id, score in scored[:limit]]


def _count(cursor: Any, scope: Scope, terms: list[str]) -> tuple[int, Mapping[str, int]]:
    """How many passages the project has, and how many of them hold each term."""
    project = _quote(project_label(scope.project_id))
    cursor.execute(_HOLDING, [[project, *(f"{project} & {_quote(term)}" for term in terms)]])
    counts = [count for _, count in sorted(cursor.fetchall())]
    return counts[0], dict(zip(terms, counts[1:], strict=True))


def telling_terms(holding: Mapping[str, int], *, enough: int) -> list[str]:
    """The rarest terms that together give `enough` passages without going far beyond what may be ranked."""
    chosen: list[str] = []
    passages = 0
    for term, count in sorted(holding.items(), key=lambda pair: (pair[1], pair[0])):
        if passages >= enough and passages + count > RANKED_AT_MOST:
            break
        chosen.append(term)
        passages += count
    return chosen


def _candidates(cursor: Any, scope: Scope, terms: list[str], telling: list[str], limit: int) -> list[Candidate]:
    """The best passages that hold a telling term, with how often they hold each term."""
    wanted = f"{_scope_query(scope)} & ({_any(telling)})"
    cursor.execute(_CANDIDATES, [wanted, _any(terms), limit, terms])
    lengths: dict[UUID, int] = {}
    frequencies: dict[UUID, dict[str, float]] = {}
    for passage_id, length, lexeme, weights in cursor.fetchall():
        lengths[passage_id] = length
        frequencies.setdefault(passage_id, {})[lexeme] = _frequency(weights)
    return [Candidate(passage_id, frequencies[passage_id], length) for passage_id, length in lengths.items()]


def _frequency(weights: Iterable[str] | None) -> float:
    """One weight letter an occurrence: A stands in the title."""
    return sum(_TITLE_WEIGHT if weight == "A" else 1.0 for weight in weights or ())


def _scope_query(scope: Scope) -> str:
    project = _quote(project_label(scope.project_id))
    labels = scope.labels()
    return f"{project} & ({_any(labels)})" if labels else project


def _any(lexemes: list[str]) -> str:
    return " | ".join(map(_quote, lexemes))


def _quote(lexeme: str) -> str:
    """A lexeme as a tsquery operand, whatever characters it has."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
