from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.simulator.schema import instance

LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 30),
        st.integers(0, 9),
    ),
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, st.integers(-9, 9)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 9)),
    st.just({"type": "boolean"}),
    st.just({"type": ["null", "string"]}),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(), min_size=1)),
    st.builds(lambda value: {"const": value}, st.text()),
    st.just({}),
)


def grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.text("abc", min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": list(properties)[:2],
                "additionalProperties": False,
            },
            st.dictionaries(names, inner, max_size=4),
        ),
        st.builds(
            lambda items, low: {"type": "array", "items": items, "minItems": low},
            inner,
            st.integers(0, 3),
        ),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
    )


@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_an_instance_satisfies_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(instance(schema), schema)


RECURSIVE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "next", "children"],
        }
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        RECURSIVE,
        {
            "allOf": [
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object"},
            ]
        },
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "minProperties": 1},
        {"type": "string", "format": "date-time"},
    ],
)
def test_harder_schemas_are_satisfied_too(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(instance(schema))


def test_geminis_upper_case_types_are_understood() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"boxes": {"type": "ARRAY", "items": {"type": "INTEGER"}}},
        "required": ["boxes"],
    }
    assert instance(schema) == {"boxes": [1]}


def test_optional_properties_are_left_out_and_strings_bear_the_propertys_name() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
        "required": ["city"],
    }
    assert instance(schema) == {"city": "simulated city"}
