"""The kinds of values that settings are made of."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""What can stand in `model`, in a header and in a metric's label."""

NAMED: dict[str, Any] = {"propertyNames": {"pattern": NAME}}
"""For the JSON Schema of a section whose keys are names."""


class Section(BaseModel):
    """A part of the configuration: immutable, strict about its keys, silent about its values."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _or_learned(value: object, number: ValidatorFunctionWrapHandler) -> object:
    return value if value == "learned" else number(value)


def _switch(value: object) -> object:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(value, value) if isinstance(value, str) else value


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


type Tier = Annotated[int, Field(ge=1, le=9), BeforeValidator(_number)]
type Whole = Annotated[int, Field(ge=0), BeforeValidator(_number)]
type Count = Annotated[int, Field(ge=1), BeforeValidator(_number)]
type Amount = Annotated[float, Field(ge=0), BeforeValidator(_number)]
type Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_number)]
type Seconds = Annotated[float, Field(gt=0), BeforeValidator(_number)]
type Days = Annotated[float, Field(gt=0, le=36_500), BeforeValidator(_number)]
type Delay = Annotated[
    float,
    Field(ge=0),
    BeforeValidator(_number),
    WrapValidator(_or_learned),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"const": "learned"}]}),
]
"""Seconds, or `learned`: what the gateway has seen so far says."""
type Bytes = Annotated[
    ByteSize,
    Field(gt=0),
    BeforeValidator(_number),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "examples": ["50MB"]}),
]
type Secret = Annotated[SecretStr, BeforeValidator(_trimmed), WithJsonSchema({"type": "string"})]
"""
A string that may hold a credential: neither a repr nor a dump nor an error shows it.

White space around it goes: a key read from a file often ends in a newline.
"""

type Switch = Annotated[Literal[True, False, "auto"], BeforeValidator(_switch)]
