"""What is wrong with a request, collected by field path so that all of it is said at once."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from sessions.errors import InvalidSession

MAX_PROBLEMS = 100
LONGEST_WORD = 100


class Problems:
    """Sentences by field path: `{"tasks[2].depends_on": ["…"]}`; at most 100, so that a bad body costs little."""

    def __init__(self, found: Mapping[str, Iterable[str]] | None = None) -> None:
        self.by_path: dict[str, list[str]] = {path: list(sentences) for path, sentences in (found or {}).items()}

    def add(self, path: str, sentence: str) -> None:
        if self.is_full:
            return
        sentences = self.by_path.setdefault(path, [])
        if sentence not in sentences:
            sentences.append(sentence)

    def extend(self, others: "Problems") -> None:
        for path, sentences in others.by_path.items():
            for sentence in sentences:
                self.add(path, sentence)

    def has(self, path: str) -> bool:
        return path in self.by_path

    @property
    def is_full(self) -> bool:
        """Whether no more is kept, and so no more needs to be looked for."""
        return len(self.by_path) >= MAX_PROBLEMS

    def raise_if_any(self) -> None:
        """Raises: InvalidSession with all sentences in `details`, and the first one as its message."""
        if not self.by_path:
            return
        path, sentences = next(iter(self.by_path.items()))
        more = sum(len(found) for found in self.by_path.values()) - 1
        tail = f" ({more} more: see details.)" if more else ""
        raise InvalidSession(f"{path}: {sentences[0]}{tail}", details=self.by_path)


def near(word: str, known: Iterable[str]) -> str:
    """`Did you mean "x"? ` or nothing."""
    if len(word) > LONGEST_WORD:
        return ""
    by_folded = {name.casefold(): name for name in known}
    matches = get_close_matches(word.casefold(), by_folded, n=3, cutoff=0.6)
    quoted = " or ".join(f'"{by_folded[match]}"' for match in matches)
    return f"Did you mean {quoted}? " if quoted else ""


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """The names with commas, cut after `limit`; `none` when there are none."""
    found = list(names)
    shown = ", ".join(found[:limit])
    return (f"{shown} and {len(found) - limit} more" if len(found) > limit else shown) or "none"
