"""Pictures laid aside come back where they were, and nothing else moves."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portico.chat.aside import lay_aside, peek, put_back, ticket_of

MARK = "0123456789abcdef" * 2
URI = "data:image/png;base64,"
PICTURES = st.integers(0, 3000).map(lambda length: URI + "iVBORw0KGgo" + "A" * length)
TEXTS = PICTURES | st.text(max_size=9) | st.just(f'\\"{URI}{"A" * 2000}\\"')
VALUES = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_was_laid_aside_is_put_back_byte_by_byte(value: Any, spaced: bool) -> None:
    body = json.dumps(value, separators=None if spaced else (",", ":")).encode()
    short, aside = lay_aside(body, MARK)
    json.loads(short)
    assert put_back(short, aside) == body


@given(VALUES)
def test_keys_stay_and_strings_end_where_they_did(value: Any) -> None:
    short, aside = lay_aside(json.dumps(value).encode(), MARK)
    assert _shape(json.loads(short)) == _shape(value)
    assert all(len(held) > 900 for held in aside.values())


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(held) for key, held in value.items()}
    return [_shape(held) for held in value] if isinstance(value, list) else type(value)


def test_every_large_picture_gets_a_ticket_of_its_own() -> None:
    one, two = URI + "A" * 2000, URI + "B" * 2000
    short, aside = lay_aside(json.dumps({"a": one, "b": two, "c": one}).encode(), MARK)
    assert len(aside) == 3
    told = json.loads(short)
    assert [bytes(aside[ticket_of(url)])[:1] for url in told.values()] == [b"A", b"B", b"A"]
    assert peek(told["b"], aside, 4) == URI + "BBBB"


def test_what_looks_like_a_ticket_and_is_none_stays() -> None:
    said = f'{{"a":"portico-{"f" * 32}.0","b":"{URI}{"A" * 2000}"}}'.encode()
    short, aside = lay_aside(said, MARK)
    assert put_back(short, aside) == said
