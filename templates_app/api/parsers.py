"""YAML bodies: text, which the service reads. Bounded like JSON bodies."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from core.api.parsers import JSONParser
from core.errors import PayloadTooLarge
from templates_app.exchange import MAX_FILE_BYTES


class YamlParser(BaseParser):
    """Gives the text as it is. Raises: PayloadTooLarge; ParseError for what is not UTF-8."""

    media_type = "application/yaml"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise PayloadTooLarge(f"The file is larger than {MAX_FILE_BYTES:,} bytes. A template is smaller than that.")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8 text. Send YAML encoded as UTF-8.") from error


class TextYamlParser(YamlParser):
    media_type = "text/yaml"


class OldYamlParser(YamlParser):
    media_type = "application/x-yaml"


class PlainTextParser(YamlParser):
    media_type = "text/plain"


IMPORT_PARSERS = (JSONParser, YamlParser, TextYamlParser, OldYamlParser, PlainTextParser)


class AnyAccept(BaseContentNegotiation):
    """For a route whose answer is a file: refusals are JSON whatever the caller accepts."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type
