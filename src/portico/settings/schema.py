"""The published JSON Schema of the configuration file."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from portico.settings.model import Settings

REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""Where no text is expected, `${NAME}` may still stand."""


COMPLETE = ("Target", "Price", "Role", "EgressPath")
"""What must be complete in a file that stands alone, and with `extends` may be a difference."""


def json_schema() -> dict[str, Any]:
    """Return the schema of `portico.yaml`, draft 2020-12."""
    schema = Settings.model_json_schema(schema_generator=_Schema)
    schema["description"] = "The configuration of Portico."
    required = {name: schema["$defs"][name].pop("required") for name in COMPLETE}
    target = {
        "required": required["Target"],
        "properties": {"price": {"required": required["Price"]}},
    }
    complete = {
        "targets": {"additionalProperties": target},
        "roles": {"additionalProperties": {"required": required["Role"]}},
        "egress": {"additionalProperties": {"required": required["EgressPath"]}},
    }
    extended = {"properties": {"extends": {"const": "builtin"}}, "required": ["extends"]}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "if": extended,
        "else": {"properties": complete},
    }


class _Schema(GenerateJsonSchema):
    """Lets a reference stand for a number or a word."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {"anyOf": [super().int_schema(schema), REFERENCE]}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"anyOf": [super().float_schema(schema), REFERENCE]}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"anyOf": [super().literal_schema(schema), REFERENCE]}
