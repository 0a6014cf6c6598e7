"""A few documents written for these tests, and ways to hand them to an engine."""

from typing import Any

from agents.rehearsal import ListedDocuments, RehearsalContext, rehearse
from agents.runtime import SessionInfo, TaskInfo, UpstreamOutput
from documents.types import PassageHit

TEXTS = {
    "Harlow Bridge": (
        "Harlow Bridge is a steel arch bridge over the river Senn. It was designed by Marta Oduya and opened in 1932. "
        "The bridge is 410 metres long."
    ),
    "Marta Oduya": (
        "Marta Oduya (1889–1961) was an engineer. She was born in Port Kessel and studied in Vienna. "
        "Oduya taught at the Kessel Polytechnic until her death."
    ),
    "Port Kessel": "Port Kessel is a town on the northern coast. Its harbour exports timber and salt.",
    "Linden Bridge": (
        "Linden Bridge is a stone bridge over the river Senn. It was opened in 1871. The bridge is 95 metres long."
    ),
    "Salt": "Salt increases the boiling point of water. Salt does not dissolve in oil.",
    "Gardens": "Moss grows slowly in shade. Roses need six hours of sun each day.",
}
TRANSCRIPT = """Chair: Um, let us begin with the battery of the remote control, you know, because it came up last week.
Engineer: The battery must last two years, so we should choose a kinetic one rather than a solar cell.
Designer: A kinetic battery makes the case heavier, and customers told us that they want a light device.
Chair: Okay, then the engineer will measure the weight of both batteries before we meet again on Friday.
Designer: And for the colours we keep yellow for the buttons, with grey for the rest of the case as agreed."""


def passage(title: str, text: str, *, start: int = 0, score: float = 0.0) -> PassageHit:
    """One passage that stands at `start` in its document."""
    return PassageHit(f"p-{title}-{start}", f"d-{title}", title, 0, start, start + len(text), text, score)


def library(*titles: str) -> ListedDocuments:
    """Some of the documents, or all of them."""
    return ListedDocuments([passage(title, TEXTS[title]) for title in titles or TEXTS])


def text_of(document_id: str) -> str:
    """The full text of a document of this library."""
    return TEXTS[document_id.removeprefix("d-")]


async def run(
    slug: str,
    goal: str,
    documents: ListedDocuments | None = None,
    *,
    upstream: dict[str, Any] | None = None,
    configuration: dict[str, Any] | None = None,
    **input_data: Any,
) -> tuple[Any, RehearsalContext]:
    """One agent run at a goal: its output and the context it acted on."""
    context = RehearsalContext(
        TaskInfo("t", slug, slug, "", input_data, 1),
        SessionInfo("s", goal, {}),
        documents or library(),
        configuration=configuration or {},
        upstream=[UpstreamOutput(name, name, name, name, output) for name, output in (upstream or {}).items()],
    )
    return await rehearse(slug, context), context
