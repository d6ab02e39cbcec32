"""What is asked besides chat: model lists, token counts, embeddings."""

import base64
import hashlib
import math
import re
import struct
from collections.abc import Iterable
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
            return _embedded(call)


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


def _embedded(call: Call) -> tuple[bytes, int]:
    given = call.body.get("input", "")
    texts = [str(text) for text in (given if isinstance(given, list) else [given])]
    size = min(int(call.body.get("dimensions") or DIMENSIONS), DIMENSIONS)
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


def embed(text: str, size: int = DIMENSIONS) -> list[float]:
    """
    Return a unit vector of *size* dimensions (at most 256): the same for the same text.

    It is the sum of one hash per word, so that texts that share words are near each other; it
    knows nothing of meaning.
    """
    words = re.findall(r"\w+", text.lower()) or [text]
    total = [0.0] * DIMENSIONS
    for word in words:
        bits = int.from_bytes(hashlib.sha256(word.encode()).digest(), "big")
        for at in range(DIMENSIONS):
            total[at] += 1.0 if bits >> at & 1 else -1.0
    total = total[:size]
    length = math.sqrt(sum(value * value for value in total)) or 1.0
    return [value / length for value in total]
