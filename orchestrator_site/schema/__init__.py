"""Whether a database has the tables the models speak of, with all their rules: `manage.py verify_schema`."""
