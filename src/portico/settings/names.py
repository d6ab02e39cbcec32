"""The names in a configuration: which can be given, and whether those referred to exist."""

import re
from collections.abc import Iterator, Mapping

from portico.settings.complaints import meant
from portico.settings.fields import NAME
from portico.settings.places import Fault, Place, Source, Value

NOUNS = {"upstreams": "upstream", "targets": "target", "roles": "role", "egress": "egress path"}
"""What an entry of each section is."""

type Tree = Mapping[str, Value]


def check_names(tree: Tree, builtin: Tree, source: Source) -> Iterator[Fault]:
    """
    Give every impossible, doubly used or dangling name in *tree*.

    Works on the tree, so that an entry with other faults still has its names checked, and still
    counts as existing. *builtin* is the built-in catalog, for a better remedy.
    """
    yield from _given(tree)
    yield from _public(tree, source)
    for place, section, name in _references(tree):
        if name not in _entries(tree, section):
            # A built-in reference has no line; the section that took its object away has one.
            line = source.line(place) or source.line((section,))
            message = f"no {NOUNS[section]} is named `{name}`"
            yield Fault(place, message, _remedy(tree, builtin, section, name), line)


def _given(tree: Tree) -> Iterator[Fault]:
    remedy = "use up to 64 letters, digits and `.`, `_`, `:`, `-`, a letter or digit first"
    for section in NOUNS:
        for name in _entries(tree, section):
            if not re.fullmatch(NAME, name):
                yield Fault((section, name), "cannot be a name", remedy)
    if tree.get("targets") == {}:
        remedy = "define one, or add `extends: builtin`"
        yield Fault(("targets",), "there is no target to ask", remedy)


def _public(tree: Tree, source: Source) -> Iterator[Fault]:
    targets, roles = _entries(tree, "targets"), _entries(tree, "roles")
    for section, entries in (("targets", targets), ("roles", roles)):
        if "auto" in entries:
            message = "`auto` lets the gateway choose and cannot be a name"
            yield Fault((section, "auto"), message, "rename it")
    for name in roles:
        if name in targets:
            line = source.line(("roles", name)) or source.line(("targets", name))
            message = "is the name of a target and of a role"
            yield Fault(("roles", name), message, "rename one: both are public model names", line)


def _references(tree: Tree) -> Iterator[tuple[Place, str, str]]:
    for field, holder, section in (
        ("egress", "upstreams", "egress"),
        ("upstream", "targets", "upstreams"),
    ):
        for name, entry in _entries(tree, holder).items():
            referred = entry.get(field) if isinstance(entry, dict) else None
            if isinstance(referred, str):
                yield (holder, name, field), section, referred
    way = _entries(tree, "pictures").get("egress")
    if isinstance(way, str):
        yield ("pictures", "egress"), "egress", way
    for name, role in _entries(tree, "roles").items():
        targets = role.get("targets") if isinstance(role, dict) else None
        for index, target in enumerate(targets if isinstance(targets, list) else ()):
            if isinstance(target, str):
                yield ("roles", name, "targets", index), "targets", target


def _remedy(tree: Tree, builtin: Tree, section: str, name: str) -> str:
    if name in _entries(builtin, section):
        return f"it is built in: add `extends: builtin`, or define it under `{section}`"
    if section == "targets" and name in _entries(tree, "roles"):
        return "that is a role: name its targets"
    return meant(name, sorted(_entries(tree, section)))


def _entries(tree: Tree, section: str) -> Tree:
    entries = tree.get(section)
    return entries if isinstance(entries, dict) else {}
