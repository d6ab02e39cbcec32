"""Whether an answer is the JSON that was asked for."""

import msgspec

from portico.chat.request import ChatRequest

NOT_JSON = "JSON was asked for, and the answer is none"


def wants_json(request: ChatRequest) -> bool:
    """True where the response format is JSON, with or without a schema."""
    shape = request.response_format
    return shape is not None and shape.type != "text"


def is_json(text: str) -> bool:
    """True if *text* is one JSON value and nothing else."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
