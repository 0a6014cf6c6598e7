"""The template that the tests of its routes send, and making it."""

from typing import Any

from rest_framework.test import APIClient

API = "/api/v1/templates"
SCHEMA = {
    "type": "object",
    "properties": {"max_claims": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}
BODY = {
    "name": "Strict reviewer",
    "agent_type": "reviewer",
    "definition": "validation",
    "description": "Reviews.",
    "configuration_schema": SCHEMA,
    "default_configuration": {"max_claims": 5},
    "prompt_template": "Review {{subject}}.",
    "prompt_variables": [{"name": "subject", "required": True}],
}


def made_by(client: APIClient) -> dict[str, Any]:
    """The template of `BODY` as the API answers it."""
    answer = client.post(API, BODY)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())
