"""A JSON Schema made plainer for people: references filled in, "x or nothing" as x. For showing only. Pure."""

from collections.abc import Mapping
from typing import Any

MOST_REFERENCES = 300  # filled in of one schema: references that fan out would grow without end
DEEPEST = 6


def plainer(schema: Any) -> Mapping[str, Any]:
    """The same schema with the references of its properties and items filled in, as far as that stays small."""
    return _Plainer(schema).walk(schema, DEEPEST) if isinstance(schema, Mapping) else {}


class _Plainer:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.left = MOST_REFERENCES

    def walk(self, rules: Any, depth: int) -> Any:
        if not isinstance(rules, Mapping) or depth == 0:
            return rules
        rules = self._filled(self._without_null(rules))
        found = dict(rules)
        if isinstance(rules.get("properties"), Mapping):
            found["properties"] = {name: self.walk(one, depth - 1) for name, one in rules["properties"].items()}
        if "items" in rules:
            found["items"] = self.walk(rules["items"], depth - 1)
        return found

    def _filled(self, rules: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference points at, under what stands beside the reference."""
        reference = rules.get("$ref")
        if not isinstance(reference, str) or self.left == 0:
            return rules
        self.left -= 1
        target = self._target(reference)
        if target is None:
            return rules
        beside = {name: value for name, value in rules.items() if name != "$ref"}
        return self._filled({**self._without_null(target), **beside})

    def _target(self, reference: str) -> Mapping[str, Any] | None:
        """A JSON pointer into the schema (RFC 6901); None for anything else."""
        node: Any = self.root
        if not reference.startswith("#/"):
            return None
        for step in reference[2:].split("/"):
            node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, Mapping) else None
        return node if isinstance(node, Mapping) else None

    @staticmethod
    def _without_null(rules: Mapping[str, Any]) -> Mapping[str, Any]:
        """A field that may be empty is a field: `anyOf` x and null is x, `["string", "null"]` is a text."""
        kinds = rules.get("type")
        if isinstance(kinds, list) and len(kinds) == 2 and "null" in kinds:
            return {**rules, "type": next(kind for kind in kinds if kind != "null")}
        for word in ("anyOf", "oneOf"):
            choices = rules.get(word)
            if not isinstance(choices, list) or len(choices) != 2 or {"type": "null"} not in choices:
                continue
            [other] = [one for one in choices if one != {"type": "null"}] or [None]
            if isinstance(other, Mapping):
                return {**other, **{name: value for name, value in rules.items() if name != word}}
        return rules
