"""Collections, documents, passages and the full-text search over them."""
