"""One JSON object laid over another, or moved onto another."""

from collections.abc import Mapping
from typing import Any

from core.canonical import canonical_json


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` changed by a merge patch (RFC 7396): objects merge key by key, null removes a key, anything else
    replaces. Neither argument is changed."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def patch_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes `after` of `before`, if `after` holds no null."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            inner = patch_between(old, value)
            patch.update({key: inner} if inner else {})
        elif key not in before or not same_json(old, value):
            patch[key] = value
    return patch


_NOTHING = object()


def rebased(base: Any, mine: Any, theirs: Any) -> Any:
    """What I made of `base`, moved onto `theirs`, which others made of it: where I differ from the base mine stays
    (also a key I took away), everywhere else theirs holds. Objects go key by key, lists as a whole."""
    if same_json(base, mine):
        return theirs
    if not all(isinstance(value, Mapping) for value in (base, mine, theirs)):
        return mine
    merged: dict[str, Any] = {}
    for key in [*theirs, *(key for key in mine if key not in theirs)]:
        value = _rebased_at(key, base, mine, theirs)
        if value is not _NOTHING:
            merged[key] = value
    return merged


def _rebased_at(key: str, base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Any:
    if key not in mine:
        return theirs[key] if key not in base else _NOTHING
    if key not in base:
        return mine[key]
    if same_json(base[key], mine[key]):
        return theirs.get(key, _NOTHING)
    return rebased(base[key], mine[key], theirs[key]) if key in theirs else mine[key]


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values say the same; 1, 1.0 and true are three values, the order of keys says nothing."""
    return canonical_json(one) == canonical_json(other)
