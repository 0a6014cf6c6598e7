"""Full-text search over passages behind one interface, one backend a database."""

from documents.search.backends import get_backend
from documents.search.types import Entry, Scope, Scored, SearchBackend

__all__ = ["Entry", "Scope", "Scored", "SearchBackend", "get_backend"]
