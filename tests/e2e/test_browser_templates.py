"""Templates in a browser: the editor that checks while one types, and from the gallery to an agent."""

from typing import TYPE_CHECKING

import pytest

from tests.browser import Program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


def editor_of(page: "Page", name: str) -> "Locator":
    return page.locator(f"textarea[name={name}] + .json-editor")


def type_json(page: "Page", name: str, text: str) -> "Locator":
    """As a person does it: click, select all, paste."""
    editor = editor_of(page, name)
    editor.locator(".ace_content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    return editor


def test_the_admins_editor_says_what_is_wrong_while_one_types(page: "Page", program: Program) -> None:
    agent = program.scripted("Edited")
    page.goto(f"/admin/agents/agent/{agent}/change/")
    editor = type_json(page, "configuration", '{\n  "a": 1,\n  "b": tru\n}')
    assert editor.locator(".json-problems").inner_text() == "Line 3 tru needs double quotes"
    editor.locator(".ace_error").first.wait_for()
    type_json(page, "configuration", '{"a": 1}')
    editor.locator(".json-problems li").wait_for(state="detached")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/agents/agent/")
    page.goto(f"/admin/agents/agent/{agent}/change/")
    assert '"a": 1' in editor_of(page, "configuration").locator(".ace_content").inner_text()


READER = """
async () => {
  const { readJson, lineOf } = await import("/static/frontend/json-places.js");
  const words = ["{", "}", "[", "]", ",", ":", '"a"', '"b c"', "1", "-1.5e2", "01", "true", "null", "nul"];
  words.push(" ", "\\n", '"\\\\n"', '"\\\\x"');
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const wrong = [];
  for (let round = 0; round < 60000; round += 1) {
    const text = Array.from({ length: 1 + random() * 9 }, () => words[Math.floor(random() * words.length)]).join("");
    const { value, problem } = readJson(text);
    let known;
    try { known = JSON.stringify(JSON.parse(text)); } catch { known = null; }
    const twice = problem?.message.includes("twice");
    if (!twice && (problem === null) !== (known !== null)) wrong.push(text);
    else if (problem === null && JSON.stringify(value) !== known) wrong.push(text);
  }
  const { places } = readJson('{\\n"a": [1,\\n{"b c": 2}],\\n"z": 3}');
  return { wrong, lines: ["$", "$.a", "$.a[1]['b c']", "$.a[1].missing", "$.z"].map((path) => lineOf(places, path)) };
}
"""


def test_the_editor_reads_what_browsers_read_and_knows_the_line_of_a_path(page: "Page") -> None:
    page.goto("/")
    told = page.evaluate(READER)
    assert told["wrong"] == []
    assert told["lines"] == [1, 2, 3, 3, 4]


PLAN = {
    "name": "Sounder",
    "agent_type": "CUSTOM",
    "definition": "scripted",
    "configuration_schema": {
        "type": "object",
        "properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 9}, "say": {"type": "string"}},
    },
    "default_configuration": {"depth": 3},
    "prompt_template": "Sound {{water}}.",
    "prompt_variables": [{"name": "water", "required": True}],
}


def test_from_the_gallery_to_an_agent_with_a_mistake_on_the_way(page: "Page", program: Program) -> None:
    program.call("POST", "/templates", PLAN)
    page.goto("/templates")
    page.click("a[aria-label='Use Sounder']")
    page.wait_for_function("document.activeElement.id === 'name'")
    page.keyboard.type("Sounder one")
    assert not page.is_visible("#weight"), "what most people leave as it is, is folded"
    page.fill("[id='config-depth']", "12")
    page.fill("#word-water", "the fjord")
    page.click("text=Make the agent")
    error = page.locator("[id='config-depth-error']")
    assert error.inner_text() == "12 is greater than the maximum of 9"
    assert page.input_value("#word-water") == "the fjord"
    assert page.get_by_role("link", name="Back to the template").get_attribute("href") == "/templates/sounder"
    page.fill("[id='config-depth']", "5")
    page.press("[id='config-depth']", "Enter")
    page.wait_for_url("**/agents/*")
    assert "Sounder one" in page.inner_text("h1")
    [made] = program.call("GET", "/agents?search=Sounder")["results"]
    assert made["configuration"] == {"depth": 5}
    assert made["prompt_template"] == "Sound the fjord."


def test_a_template_is_changed_and_two_versions_are_compared(page: "Page", program: Program) -> None:
    program.call("POST", "/templates", {**PLAN, "name": "Plumber"})
    page.goto("/templates/plumber")
    page.click("text=Edit")
    editor = type_json(page, "default_configuration", '{\n  "depth": 30\n}')
    problem = editor.locator(".json-problems li")
    problem.wait_for()
    assert problem.inner_text() == "Line 2 $.depth 30 is greater than the maximum of 9"
    type_json(page, "default_configuration", '{\n  "depth": 7\n}')
    problem.wait_for(state="detached")
    page.fill("#prompt_template", "Sound {{water}} and {{air}}.")
    aside = page.locator("#prompt_template + .json-aside")
    aside.wait_for()
    assert "{{air}} is not declared" in aside.inner_text()
    page.fill("#prompt_template", "Sound {{water}} again.")
    aside.wait_for(state="detached")
    page.fill("#change_description", "Deeper")
    page.click("text=Save as version 2")
    page.wait_for_url("**/templates/plumber")
    page.click("text=What changed")
    page.wait_for_selector("text=$.default_configuration.depth")
    assert "Deeper" in page.inner_text("main")


def test_a_template_is_written_without_scripts(
    browser: "Browser", program: Program, signed_in: dict[str, object]
) -> None:
    context = browser.new_context(
        base_url=program.address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto("/templates/new")
    page.fill("#name", "By hand")
    page.select_option("#definition", "scripted")
    page.fill("#default_configuration", "{")
    page.click("text=Make the template")
    assert "line 1" in page.inner_text("#default_configuration-error")
    page.fill("#default_configuration", "{}")
    page.click("text=Make the template")
    assert page.inner_text("h1") == "By hand"
    context.close()
