"""Where sessions live: one contract, three implementations (memory, SQLite, PostgreSQL)."""
