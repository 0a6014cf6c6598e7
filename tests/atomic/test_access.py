"""Who may do what where: pure."""

from uuid import uuid4

import pytest

from core.errors import Forbidden, NotFound
from workspaces.access import NOBODY, Access, access_of_operator
from workspaces.keys import KEY_MARK, PREFIX_LENGTH, new_secret, prefix_of
from workspaces.states import Role

HERE, THERE = uuid4(), uuid4()


@pytest.mark.parametrize("own", list(Role))
@pytest.mark.parametrize("asked", list(Role))
def test_a_role_covers_itself_and_those_after_it(own: Role, asked: Role) -> None:
    access = Access("ann", 1, {HERE: own})
    enough = list(Role).index(own) <= list(Role).index(asked)
    assert access.may(HERE, asked) is enough
    if enough:
        access.require(HERE, asked)
    else:
        with pytest.raises(Forbidden, match=f"needs the role {asked}.*yours is {own}"):
            access.require(HERE, asked)


def test_a_foreign_workspace_is_not_found_rather_than_forbidden() -> None:
    with pytest.raises(NotFound):
        Access("ann", 1, {HERE: Role.OWNER}).require(THERE)
    with pytest.raises(NotFound):
        NOBODY.require(HERE)


def test_the_workspaces_are_in_the_order_of_joining() -> None:
    assert Access("ann", 1, {THERE: Role.VIEWER, HERE: Role.OWNER}).workspace_ids == [THERE, HERE]


def test_an_operator_owns_the_one_workspace_they_look_at() -> None:
    access = access_of_operator("root", 1, HERE)
    assert (access.role_in(HERE), access.role_in(THERE)) == (Role.OWNER, None)


def test_a_secret_is_marked_random_and_known_by_its_prefix() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(secret.startswith(KEY_MARK) and len(secret) == 46 for secret in secrets)
    assert len(prefix_of(secrets.pop())) == PREFIX_LENGTH
