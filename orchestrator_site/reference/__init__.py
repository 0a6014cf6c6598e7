"""Those parts of the reference pages that are made from the code, as Markdown (`manage.py write_reference`)."""
