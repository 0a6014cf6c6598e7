"""Templates in a browser: the editor that checks while one types, and from the gallery to an agent."""

from typing import TYPE_CHECKING

import pytest

from tests.browser import Program

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

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
    assert editor.locator(".ace_error").count() >= 1
    type_json(page, "configuration", '{"a": 1}')
    assert editor.locator(".json-problems li").count() == 0
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
