"""What is wrong with a text that is no JSON, told in words of people."""

import pytest

from core.json_editor import read_json


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1} x', "line 1, column 10: there is something after the end of the value."),
        ('{"a": 1,\n "b" 2}', "line 2, column 6: a colon is missing."),
        ('{"a": 1 "b": 2}', "line 1, column 9: a comma is missing."),
        ('{"a": }', "line 1, column 7: a value is missing."),
        ("{a: 1}", "line 1, column 2: a key in double quotes is missing."),
        ('{"a": "b}', "line 1, column 7: this text has no end."),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="This is not JSON") as told:
        read_json(text)
    assert str(told.value) == f"This is not JSON: {sentence}"
