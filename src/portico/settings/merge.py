"""The built-in catalog and a file become one tree."""

from collections.abc import Mapping
from dataclasses import dataclass

from portico.settings.places import Place, Value

REPLACED = ("upstreams", "targets", "roles", "egress")
"""The sections that a file replaces as a whole, unless it says `extends: builtin`."""

NATURE = ("dialect", "kind")
"""An entry that changes one of these is another thing: nothing of the built-in one stays."""

EITHER = (("via", "tunnels"), ("tunnels", "via"))
"""Of these, whoever gives the first means it in place of the built-in second."""

type Tree = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Merged:
    """One tree, the built-in entries left out of it, and those taken in by name."""

    tree: dict[str, Value]
    left_out: tuple[Place, ...] = ()
    borrowed: tuple[Place, ...] = ()


def merge(builtin: Tree, file: Tree) -> Merged:
    """
    Lay *file* over *builtin*.

    A section of REPLACED that the file gives replaces the built-in one; every other section, and
    with `extends` these too, are merged by name and field. Lists are replaced. A built-in target
    whose upstream is gone is left out, so are names in built-in roles whose target is gone, and
    roles without any target. A role of the file may name a built-in target that the file's own
    targets lack: it is borrowed if its upstream exists. The path `direct` always exists.
    """
    extends = file.get("extends") is not None
    tree: dict[str, Value] = dict(file)
    for section, entries in builtin.items():
        whole = section in REPLACED and not extends
        if section not in file:
            tree[section] = entries
        elif not whole:
            tree[section] = _over(entries, file[section])
    _direct(tree)
    if extends:
        return Merged(tree)
    borrowed = _borrow(tree, builtin, file)
    left_out = [*_prune_targets(tree, file), *_prune_roles(tree, file)]
    return Merged(tree, tuple(left_out), tuple(borrowed))


def _over(under: Value, over: Value) -> Value:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    if any(key in under and key in over and under[key] != over[key] for key in NATURE):
        return over
    gone = {second for first, second in EITHER if first in over}
    merged = {key: value for key, value in under.items() if key not in gone}
    for key, value in over.items():
        merged[key] = _over(merged[key], value) if key in merged else value
    return merged


def _direct(tree: dict[str, Value]) -> None:
    paths = tree.get("egress", {})
    if isinstance(paths, dict) and "direct" not in paths:
        tree["egress"] = {"direct": {"kind": "direct"}, **paths}


def _borrow(tree: dict[str, Value], builtin: Tree, file: Tree) -> list[Place]:
    if "targets" not in file or "roles" not in file:
        return []
    targets, upstreams, roles = (_entries(tree, name) for name in ("targets", "upstreams", "roles"))
    named = [name for role in roles.values() for name in _named(role)]
    lent = {
        name: target
        for name, target in _entries(builtin, "targets").items()
        if name in named and name not in targets and _upstream(target) in upstreams
    }
    if lent:
        tree["targets"] = {**targets, **lent}
    return [("targets", name) for name in lent]


def _prune_targets(tree: dict[str, Value], file: Tree) -> list[Place]:
    if "targets" in file or not isinstance(tree["upstreams"], dict):
        return []
    targets, upstreams = _entries(tree, "targets"), _entries(tree, "upstreams")
    kept = {name: target for name, target in targets.items() if _upstream(target) in upstreams}
    tree["targets"] = kept
    return [("targets", name) for name in targets if name not in kept]


def _prune_roles(tree: dict[str, Value], file: Tree) -> list[Place]:
    if "roles" in file or not isinstance(tree["targets"], dict):
        return []
    roles, targets = _entries(tree, "roles"), _entries(tree, "targets")
    kept: dict[str, Value] = {}
    for name, role in roles.items():
        living: list[Value] = [target for target in _named(role) if target in targets]
        if isinstance(role, dict) and living:
            kept[name] = {**role, "targets": living}
    tree["roles"] = kept
    return [("roles", name) for name in roles if name not in kept]


def _entries(tree: Tree, section: str) -> dict[str, Value]:
    entries = tree.get(section)
    return entries if isinstance(entries, dict) else {}


def _upstream(target: Value) -> Value:
    return target.get("upstream") if isinstance(target, dict) else None


def _named(role: Value) -> list[str]:
    names = role.get("targets") if isinstance(role, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
