"""In what running tasks are counted."""

from sessions.scopes import MAX_SCOPE_CHARACTERS, ScopeName, parse_scope, scopes_of_task
from workspaces.policies import LONGEST_NAME

WORKSPACE = "00000000-0000-7000-8000-000000000001"


def test_a_task_counts_once_in_each_scope_even_if_it_asks_for_a_capability_twice() -> None:
    scopes = scopes_of_task(WORKSPACE, "a", ["fly", "swim", "fly"])
    assert scopes == (
        f"workspace:{WORKSPACE}",
        "agent:a",
        f"capability:{WORKSPACE}:fly",
        f"capability:{WORKSPACE}:swim",
    )


def test_a_capability_too_long_to_be_limited_is_not_counted_and_the_longest_fits_its_column() -> None:
    longest = "x" * LONGEST_NAME
    scopes = scopes_of_task(WORKSPACE, None, [longest, longest + "x"])
    assert [parse_scope(scope) for scope in scopes] == [
        ScopeName("workspace", WORKSPACE),
        ScopeName("capability", WORKSPACE, longest),
    ]
    assert max(map(len, scopes)) <= MAX_SCOPE_CHARACTERS


def test_the_name_of_a_capability_may_hold_colons() -> None:
    [_, scope] = scopes_of_task(WORKSPACE, None, ["a:b"])
    assert parse_scope(scope).capability == "a:b"
