"""The full-text index, each database its own: an FTS5 table on SQLite, a tsvector column on PostgreSQL."""

from django.db import migrations

CREATE = {
    "sqlite": [
        """
        CREATE VIRTUAL TABLE passage_search USING fts5 (
            passage_id UNINDEXED, title, body, labels, tokenize = 'porter unicode61 remove_diacritics 2'
        )
        """,
    ],
    "postgresql": [
        "ALTER TABLE passage ADD COLUMN search tsvector",
        "CREATE INDEX passage_search_idx ON passage USING gin (search) WITH (fastupdate = off)",
    ],
}
DROP = {
    "sqlite": ["DROP TABLE passage_search"],
    "postgresql": ["ALTER TABLE passage DROP COLUMN search"],
}


def create_index(apps, schema_editor):
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]
    operations = [migrations.RunPython(create_index, drop_index)]
