"""What is asked besides chat: model lists, token counts, embeddings."""

import base64
import hashlib
import math
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from portico.simulator.calls import Call
from portico.simulator.dialects import Dialect
from portico.simulator.effects import Delivery, deliver
from portico.simulator.problems.base import Occasion
from portico.simulator.questions import JSON, tokens
from portico.simulator.routes import Wanted
from portico.simulator.scripts import Head, Problem, Refused, Script, Write, refusal
from portico.simulator.state import Simulator

DIMENSIONS = 256


def listing(simulator: Simulator, dialect: Dialect, call: Call, wanted: Wanted) -> Script:
    """Answer anything but chat; faults ordered with the fitting `where` happen here too."""
    fault = simulator.take(call)
    occasion = Occasion(call.model, 0, 0, fault.params if fault else {})
    if fault and fault.name in dialect.problems:
        return refusal(dialect.problems[fault.name](occasion))
    if call.model in simulator.gone:
        return refusal(dialect.problems["model_gone"](occasion))
    try:
        data, spent = _answered(simulator, dialect, call, wanted)
    except Refused as refused:
        return refusal(refused.problem)
    head = Head(200, {"content-type": "application/json"})
    plain = Script((head, Write(data, finish=True)), input=spent)
    return deliver(fault, Delivery(plain, stream=False)) if fault else plain


def _answered(
    simulator: Simulator, dialect: Dialect, call: Call, wanted: Wanted
) -> tuple[bytes, int]:
    match wanted.work:
        case "models":
            return _json(_models(call.upstream, simulator.listed(call.upstream))), 0
        case "model":
            return _json(_entry(call.upstream, call.model)), 0
        case "count":
            return _json(_counted(dialect, call)), 0
        case "show":
            capabilities = ["completion", "tools"]
            return _json({"capabilities": capabilities, "details": {}, "model_info": {}}), 0
        case _:
            return _embedded(simulator, call)


def _json(value: JSON) -> bytes:
    return Problem(200, value).data


def _models(upstream: str, names: Iterable[str]) -> JSON:
    entries = [_entry(upstream, name) for name in names]
    if upstream in ("gemini", "ollama"):
        return {"models": entries}
    return {"object": "list", "data": entries}


def _entry(upstream: str, name: str) -> JSON:
    if upstream == "gemini":
        return {
            "name": f"models/{name}",
            "version": "simulated",
            "displayName": name,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
    if upstream == "ollama":
        return {"name": name, "model": name, "details": {}}
    return {"id": name, "object": "model", "created": 0, "owned_by": "simulated"}


def _counted(dialect: Dialect, call: Call) -> JSON:
    question = dialect.read(call)
    details = [{"modality": "TEXT", "tokenCount": question.text_tokens}]
    if question.picture_tokens:
        details.append({"modality": "IMAGE", "tokenCount": question.picture_tokens})
    return {"totalTokens": question.input, "promptTokensDetails": details}


def _embedded(simulator: Simulator, call: Call) -> tuple[bytes, int]:
    usual = simulator.sizes.get(call.model, DIMENSIONS)
    if call.upstream == "gemini":
        return _batch(call, usual)
    given = call.body.get("input", "")
    single = isinstance(given, str) or bool(given and isinstance(given[0], int))
    texts = [str(text) for text in ([given] if single else given)]
    size = int(call.body.get("dimensions") or usual)
    packed = call.body.get("encoding_format") == "base64"
    entries: list[Any] = []
    for index, text in enumerate(texts):
        vector: Any = embed(text, size)
        if packed:
            vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
        entries.append({"object": "embedding", "index": index, "embedding": vector})
    spent = sum(tokens(text) for text in texts)
    usage = {"prompt_tokens": spent, "total_tokens": spent}
    body = {"object": "list", "data": entries, "model": call.model, "usage": usage}
    return _json(body), spent


def _batch(call: Call, usual: int) -> tuple[bytes, int]:
    """Google counts nothing in an answer of `batchEmbedContents`."""
    entries, spent = [], 0
    for one in call.body.get("requests") or ():
        parts = (one.get("content") or {}).get("parts") or ()
        text = " ".join(str(part.get("text", "")) for part in parts)
        entries.append({"values": embed(text, int(one.get("outputDimensionality") or usual))})
        spent += tokens(text)
    return _json({"embeddings": entries}), spent


PLACES = 8
"""Numbers of a vector that one word, or three letters in a row, have a say in."""


def embed(text: str, size: int = DIMENSIONS) -> list[float]:
    """
    Return a unit vector of *size* dimensions: the same for the same text.

    Words and the trigrams of their letters are hashed to places and signs, so that texts that
    share them are near each other; it knows nothing of meaning.
    """
    total = [0.0] * size
    for feature, weight in _features(text):
        digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=4 * PLACES)
        for (bits,) in struct.iter_unpack("<I", digest.digest()):
            total[(bits >> 1) % size] += weight if bits & 1 else -weight
    length = math.sqrt(sum(value * value for value in total))
    if not length:  # everything cancelled out, in a space of very few dimensions
        return [1.0] + [0.0] * (size - 1)
    return [value / length for value in total]


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = re.findall(r"\w+", text.lower()) or [text]
    for word in words:
        yield word, 1.0
        padded = f"<{word}>"
        for at in range(len(padded) - 2):
            yield f"#{padded[at : at + 3]}", 0.4
