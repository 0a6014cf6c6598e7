"""The static files' storage: hashed names, inside our ES modules too, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class PageStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """A file that `collectstatic` has not seen keeps its plain name: pages then still render (tests, first start)."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
