"""What can go wrong with documents, classed by what the caller can do next."""

from core.errors import Conflict, Invalid, NotFound


class ParseError(Invalid):
    """A file that cannot become a document. `code` is one of the words below, the message says why and what to do.

    Codes: empty, too_large, unsupported, encrypted, no_text, broken, too_many_pages, too_long, too_slow, zip_bomb,
    missing, deleted.
    """

    code = "broken"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code=code)


class DocumentNotFound(NotFound):
    """No such document, or none of this workspace."""

    code = "document_not_found"


class CollectionNotFound(NotFound):
    """No such collection, or none of this workspace."""

    code = "collection_not_found"


class NoFiles(Invalid):
    """An upload without a single file."""

    code = "no_files"


class NameTaken(Conflict):
    """A collection of the project already has this name."""

    code = "name_taken"
