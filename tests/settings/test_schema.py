"""The published schema, and the manual's page about it."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from portico.settings import Settings, json_schema, load_settings

type Load = Callable[..., Settings]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
HEADINGS = {
    "Settings": "extends",
    "Upstream": "upstreams",
    "Target": "targets",
    "Price": "targets.price",
    "Patience": "targets.patience",
    "Role": "roles",
    "EgressPath": "egress",
    "Expected": "egress.expect",
    "Boundary": "boundary",
    "Feedback": "feedback",
    "Access": "access",
    "Stores": "stores",
    "Pictures": "pictures",
    "Traces": "traces",
    "KeepDays": "traces.keep_days",
    "Memory": "memory",
    "Cache": "cache",
    "Breaker": "breaker",
    "Server": "server",
    "Telemetry": "telemetry",
}


def sections() -> dict[str, dict[str, Any]]:
    schema = json_schema()
    return {
        "Settings": schema,
        **{name: part for name, part in schema["$defs"].items() if "properties" in part},
    }


def keys() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, section in sections().items():
        for key, field in section["properties"].items():
            yield HEADINGS[name], key, field


def rows(heading: str) -> dict[str, tuple[str, str]]:
    chapter = re.search(
        rf"^##+ {re.escape(heading)}$(.*?)(?=^##|\Z)", PAGE.read_text("utf-8"), re.M | re.S
    )
    assert chapter, heading
    cells = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| (.+) \|$", chapter[1], re.M)
    return {key: (default, meaning) for key, default, meaning in cells}


def valid(tree: object) -> bool:
    return Draft202012Validator(json_schema()).is_valid(tree)


def test_the_schema_is_a_schema() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_the_built_in_catalog_is_valid() -> None:
    text = files("portico.settings").joinpath("builtin.yaml").read_text("utf-8")
    assert valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "tree",
    [
        {"server": {"max_body": "50MB"}, "telemetry": {"log": "${LOG:-info}"}},
        {"server": {"drain": "${DRAIN}"}, "access": {"required": True}},
        {"extends": "builtin", "targets": {"qwen-vl": {"price": {"input": 1}}}},
        {"roles": {"r": {"targets": ["a"], "hedge_after": None}}},
    ],
)
def test_what_may_be_written_is_valid(tree: object) -> None:
    assert valid(tree)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {"roels": {}},
        {"server": {"drain": 0}},
        {"server": {"drain": "long"}},
        {"targets": {"a b": {"upstream": "u", "model": "m"}}},
        {"targets": {"a": {"model": "m"}}},
        {"targets": {"a": {"upstream": "u", "model": "m", "tier": 0}}},
        {"targets": {"a": {"upstream": "u", "model": "m", "price": {"input": 1}}}},
        {"targets": {"a": {"upstream": "u", "model": "m", "price": {"input": -1, "output": 1}}}},
        {"roles": {"r": {"targets": []}}},
        {"roles": {"r": {}}},
        {"egress": {"p": {}}},
        {"telemetry": {"format": "jsn"}},
    ],
)
def test_what_is_refused_is_mostly_invalid_already_in_the_editor(tree: object) -> None:
    assert not valid(tree)


def test_every_key_describes_itself() -> None:
    parts = json_schema()["$defs"]
    for heading, key, field in keys():
        described = field.get("description") or parts[field["$ref"].split("/")[-1]]["description"]
        assert described, f"{heading}.{key}"


def test_every_key_is_in_the_manual_with_its_default() -> None:
    for heading, key, field in keys():
        default, meaning = rows(heading)[key]
        assert meaning
        if "default" in field:
            assert yaml.safe_load(default.strip("`")) == field["default"], f"{heading}.{key}"
        else:
            assert default == "–", f"{heading}.{key}"


def test_the_manual_has_no_key_that_the_schema_lacks() -> None:
    known = {(heading, key) for heading, key, _ in keys()}
    chapters = {(heading, key) for heading in HEADINGS.values() for key in rows(heading)}
    roles = {("roles", name) for name in load_settings(None, {}).roles}
    assert chapters - roles == known


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_manual_is_valid_and_loads(load: Load, example: str) -> None:
    assert valid(yaml.safe_load(example))
    load(example)
