"""Embeddings in OpenAI's dialect, at whoever speaks it."""

import base64
import binascii
from array import array
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from portico.chat.embedding import Embedded
from portico.chat.reply import Usage
from portico.egress.clients import HTTPRequest
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.embedding import Texts, Wanted

MOST: Mapping[str, int] = {"siliconflow": 32, "dashscope": 10}
"""Inputs of one call, by flavour: both providers' API references."""
ANYBODY = 2048
"""Inputs that OpenAI takes."""


class _Entry(Struct):
    index: int
    embedding: list[float] | str


class _Count(Struct):
    prompt_tokens: int = 0


class _Answer(Struct):
    data: list[_Entry]
    usage: _Count | None = None


class OpenAISpeaks:
    """See `upstreams.embedding.Speaks`."""

    def most(self, account: Account) -> int:
        """Inputs of one call."""
        return MOST.get(account.flavour, ANYBODY)

    def asked(self, account: Account, wanted: Wanted, texts: Texts) -> HTTPRequest:
        """Token ids go only to a server that may know the caller's tokenizer."""
        if wanted.request.texts is None and account.flavour != "generic":
            said = "takes texts; token ids of another model's mean nothing there"
            raise UpstreamFailed(Failure(Kind.INCAPABLE, said))
        body: dict[str, object] = {"model": wanted.target.model, "input": texts}
        body["encoding_format"] = "float"
        if wanted.request.dimensions is not None:
            body["dimensions"] = wanted.request.dimensions
        headers = {"content-type": "application/json", "accept": "application/json"}
        if account.api_key:
            headers["authorization"] = f"Bearer {account.api_key}"
        return HTTPRequest(
            f"{account.base_url}/embeddings",
            {**headers, **account.headers},
            msgspec.json.encode(body),
            connect=wanted.target.patience.connect,
        )

    def read(self, body: bytes) -> Embedded | None:
        """Return the vectors in the order of their `index`; base64 is read whoever sends it."""
        try:
            answer = msgspec.json.decode(body, type=_Answer)
            entries = sorted(answer.data, key=lambda one: one.index)
            vectors = [_numbers(one.embedding) for one in entries]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error):
            return None
        except ValueError:
            return None
        if [one.index for one in entries] != list(range(len(entries))):
            return None
        usage = Usage(input=answer.usage.prompt_tokens) if answer.usage else None
        return Embedded(vectors, usage)


def _numbers(told: list[float] | str) -> list[float]:
    """Little-endian floats of 32 bits, where they come packed."""
    if isinstance(told, list):
        return told
    return list(array("f", base64.b64decode(told, validate=True)))
