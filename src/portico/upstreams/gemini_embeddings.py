"""Embeddings in Google's own dialect: `batchEmbedContents` (ai.google.dev/api/embeddings)."""

import math
from urllib.parse import quote

import msgspec
from msgspec import Struct

from portico.chat.embedding import Embedded
from portico.chat.reply import Usage
from portico.egress.clients import HTTPRequest
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.embedding import Texts, Wanted

MOST = 100
"""Requests of one batch."""


class _Values(Struct):
    values: list[float]


class _Count(Struct, rename="camel"):
    prompt_token_count: int | None = None


class _Answer(Struct, rename="camel"):
    embeddings: list[_Values]
    usage_metadata: _Count | None = None


class GeminiSpeaks:
    """See `upstreams.embedding.Speaks`."""

    def most(self, account: Account) -> int:
        """Inputs of one call."""
        return MOST

    def asked(self, account: Account, wanted: Wanted, texts: Texts) -> HTTPRequest:
        """One request for each text; Google knows no token ids from outside."""
        if wanted.request.texts is None:
            said = "takes texts; token ids of another model's mean nothing there"
            raise UpstreamFailed(Failure(Kind.INCAPABLE, said))
        model = wanted.target.model
        name = model if "/" in model else f"models/{model}"
        size = wanted.request.dimensions
        wish = {"model": name} | ({"outputDimensionality": size} if size else {})
        asked = [{**wish, "content": {"parts": [{"text": text}]}} for text in texts]
        return HTTPRequest(
            f"{account.base_url}/{quote(name)}:batchEmbedContents",
            {
                "content-type": "application/json",
                "x-goog-api-key": account.api_key,
                **account.headers,
            },
            msgspec.json.encode({"requests": asked}),
            connect=wanted.target.patience.connect,
        )

    def read(self, body: bytes) -> Embedded | None:
        """Return unit vectors: Google leaves shortened ones at whatever length they have."""
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        count = answer.usage_metadata.prompt_token_count if answer.usage_metadata else None
        usage = None if count is None else Usage(input=count)
        return Embedded([_unit(one.values) for one in answer.embeddings], usage)


def _unit(values: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in values))
    if not length or abs(length - 1) < 1e-6:
        return values
    return [value / length for value in values]
