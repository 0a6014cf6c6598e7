"""What a fresh installation needs before its first page: tables, static files, an admin, something to look at."""
