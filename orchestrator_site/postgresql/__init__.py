"""Django's backend for PostgreSQL, with connections that a process may keep (`orchestrator_site.pool`)."""
