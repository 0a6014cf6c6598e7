"""Templates as files: what is written is read back the same, whatever it says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.merging import same_json
from templates_app import selectors, services
from templates_app.exchange import from_yaml, to_yaml
from templates_app.values import TemplateValues, values_of
from tests.make import Make
from tests.unit.agents.worlds import access_to

WORDS = ["no", "yes", "null", "~", "1:30", "2001-01-01", "1e5", "0o17", "-", "? a", "a: b", "#x", "|", "\n", " a ", "'"]
TRICKY = st.sampled_from(WORDS)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | TRICKY
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SNAPSHOTS = st.fixed_dictionaries(
    {
        "name": TEXTS.filter(bool),
        "description": TEXTS,
        "agent_type": st.just("CUSTOM"),
        "definition": st.sampled_from(["", "validation"]),
        "configuration_schema": st.dictionaries(TEXTS, JSON, max_size=3),
        "default_configuration": st.dictionaries(TEXTS, JSON, max_size=3),
        "prompt_template": TEXTS,
        "prompt_variables": st.lists(st.dictionaries(TEXTS, JSON, max_size=2), max_size=2),
    }
)


@settings(max_examples=200, deadline=None)
@given(snapshot=SNAPSHOTS)
def test_a_file_holds_exactly_what_was_written(snapshot: dict[str, Any]) -> None:
    text = to_yaml("mine", snapshot)
    values = from_yaml(text)
    assert values.slug == "mine"
    assert same_json(values.snapshot(), snapshot)
    assert to_yaml("mine", values.snapshot()) == text


SAFE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=SAFE.filter(str.strip),
    description=SAFE,
    configuration=st.dictionaries(SAFE, st.integers(-9, 9) | SAFE | st.booleans() | st.none(), max_size=3),
    default=SAFE,
)
def test_what_is_exported_and_imported_is_the_same_snapshot(
    make: Make, name: str, description: str, configuration: dict[str, Any], default: str
) -> None:
    access = access_to(make.project())
    values = TemplateValues(
        name=name.strip(),
        agent_type="CUSTOM",
        slug="original",
        description=description,
        default_configuration=configuration,
        prompt_template="{{a}} {{ a }}\n",
        prompt_variables=[{"name": "a", "default": default}],
    )
    services.create_template(access=access, values=values)
    text = services.export_template(access=access, template_id="original")
    copy = services.import_template(access=access, source=text, slug="copy")
    original = selectors.version_at(selectors.template_for(access, "original")).snapshot
    assert same_json(selectors.version_at(copy).snapshot, original)


def test_a_prompt_of_several_lines_stands_in_the_file_as_it_is() -> None:
    text = to_yaml("mine", values_of({"name": "a", "prompt_template": "One {{a}}.\nTwo: #3.\n"}).snapshot())
    assert "prompt_template: |\n  One {{a}}.\n  Two: #3.\n" in text


@pytest.mark.parametrize(
    "value",
    ["!!timestamp zz", "!!bool zz", "!!int ''", "!!float x", "!!binary aGk=", "!!python/name:os.system", "!x y", "! y"],
)
def test_tags_are_not_read(value: str) -> None:
    """Some of them end in errors that no reader of YAML names."""
    for text in (f"name: {value}\nagent_type: CUSTOM", f"name: x\ndefault_configuration:\n  a: [{value} ]"):
        with pytest.raises(Invalid, match=r"line \d.*Tags"):
            from_yaml(text)


def test_a_whole_file_with_a_tag_is_not_read() -> None:
    with pytest.raises(Invalid, match="Tags"):
        from_yaml("!!map {name: x}")
