"""Two hops find what one search cannot."""

from agents.local.researching import analyse, find, focused_query, open_words, read
from agents.local.retrieval import retrieve, second_hop_queries
from agents.rehearsal import ListedDocuments
from documents.types import PassageHit
from tests.unit.agents_local.corpus import TEXTS, library, passage

QUESTION = "Where was the designer of Harlow Bridge born?"


class Counting:
    """A search that remembers what it was asked."""

    def __init__(self, documents: ListedDocuments) -> None:
        self.documents = documents
        self.asked: list[str] = []

    async def __call__(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        self.asked.append(query)
        return await self.documents.search(query, limit=limit)


async def test_the_second_hop_follows_a_name_from_the_first():
    lonely = [passage(f"Born {n}", "Many people were born somewhere and a designer was born too.") for n in range(12)]
    documents = ListedDocuments([passage(title, text) for title, text in TEXTS.items()] + lonely)
    one = await retrieve(documents.search, QUESTION, limit=3, hops=1)
    two = await retrieve(documents.search, QUESTION, limit=3, hops=2)
    assert "Marta Oduya" not in [found.hit.title for found in one.passages]
    by_title = {found.hit.title: found for found in two.passages}
    assert by_title["Marta Oduya"].why == "named in “Harlow Bridge”"


async def test_no_query_is_asked_twice():
    search = Counting(library())
    found = await retrieve(search, QUESTION)
    assert len(search.asked) == len(set(search.asked)) == len(found.queries)


async def test_nothing_is_found_in_nothing():
    assert (await retrieve(ListedDocuments([]).search, QUESTION)).passages == []
    assert (await retrieve(library().search, "  ")).passages == []


async def test_a_passage_that_names_a_lead_is_worth_more():
    found = await retrieve(library("Harlow Bridge", "Marta Oduya", "Port Kessel").search, "Port Kessel engineer")
    assert next(f for f in found.passages if f.hit.title == "Marta Oduya").why == "names “Port Kessel”"


async def test_an_earlier_hop_gives_candidates_and_leads():
    known = [passage("Harlow Bridge", TEXTS["Harlow Bridge"], score=1.0)]
    found = await find(library("Marta Oduya", "Salt").search, "Who is the designer?", known=known)
    assert {f.hit.title for f in found.passages} >= {"Harlow Bridge", "Marta Oduya"}


def test_second_hop_queries_hold_new_names_and_open_words():
    queries = second_hop_queries(QUESTION, passage("Harlow Bridge", TEXTS["Harlow Bridge"]))
    assert "Marta Oduya" in queries[0]
    assert queries[1] == "Harlow Bridge designer born"


def test_a_focus_leaves_the_other_things_out():
    query = focused_query("Which is longer, Harlow Bridge or Linden Bridge?", "Harlow Bridge", ["Linden Bridge"])
    assert query == "Harlow Bridge longer"


async def test_an_analysis_says_what_stays_open():
    found = await find(library().search, "How many lamps does Harlow Bridge have?")
    result = analyse("How many lamps does Harlow Bridge have?", found.passages, found.queries)
    assert "lamps" in result["open_words"]
    assert open_words("salt in oil", [passage("x", "Salt and oil")]) == []


def test_reading_nothing_says_so():
    result = read("Summarize the documents", [])
    assert result["passages"] == []
    assert "do not" in result["summary"]


async def test_an_analysis_of_nothing_names_the_focus():
    assert analyse("Which is longer?", [], [], "Harlow Bridge")["summary"].endswith("about Harlow Bridge.")
