"""What can be done to collections and documents."""

from documents.services.collections import create_collection, delete_collection, rename_collection
from documents.services.documents import change_document, delete_document
from documents.services.uploads import parse_document, upload_documents

__all__ = [
    "change_document",
    "create_collection",
    "delete_collection",
    "delete_document",
    "parse_document",
    "rename_collection",
    "upload_documents",
]
