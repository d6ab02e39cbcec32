"""Answers as Gemini spoils them: blocked, cut by policy, malformed, empty (upstream-wire §2.1)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from portico.simulator.faults import AFTER, FOREIGN, Fault
from portico.simulator.questions import JSON
from portico.simulator.scripts import Event


def spoil(fault: Fault, events: list[Event]) -> list[Event]:
    """Return *events* as *fault* has them; unchanged if Gemini has no such fault."""
    change = CHANGES.get(fault.name)
    return change(fault, events) if change else events


def _instead(events: list[Event], output: int, **fields: Any) -> list[Event]:
    """Replace the whole answer by one event, billed at *output* tokens."""
    last = _data(events[-1])
    usage = {
        "promptTokenCount": last["usageMetadata"]["promptTokenCount"],
        "totalTokenCount": last["usageMetadata"]["promptTokenCount"] + output,
    }
    if output:
        usage["thoughtsTokenCount"] = output
    kept = {key: last[key] for key in ("modelVersion", "responseId")}
    return [Event({**fields, "usageMetadata": usage, **kept}, output, finish=True)]


def _blocked(fault: Fault, events: list[Event]) -> list[Event]:
    reason = str(fault.params.get("reason", "PROHIBITED_CONTENT"))
    [event] = _instead(events, 0, promptFeedback={"blockReason": reason})
    if fault.params.get("usage", True):
        return [event]
    return _without_usage(fault, [event])


def _stopped(reason: str) -> Callable[[Fault, list[Event]], list[Event]]:
    """Finish with *reason* after some deltas; a whole answer keeps half of its text."""

    def change(fault: Fault, events: list[Event]) -> list[Event]:
        deltas = [event for event in events if event.delta and not event.finish]
        begun = deltas[: int(fault.params.get("after", AFTER))]
        last = _data(events[-1])
        text = last["candidates"][0]["content"]["parts"][-1].get("text", "")
        content = {"parts": [{"text": text[: len(text) // 2]}], "role": "model"} if text else None
        candidate: JSON = {"content": content} if content else {}
        candidate |= {"finishReason": reason, "index": 0}
        if reason == "SAFETY":
            candidate["safetyRatings"] = [
                {
                    "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
                    "probability": "HIGH",
                    "blocked": True,
                }
            ]
        output = begun[-1].output if begun else events[-1].output
        usage = _data(begun[-1])["usageMetadata"] if begun else last["usageMetadata"]
        data = {**last, "candidates": [candidate], "usageMetadata": usage}
        return [*begun, Event(data, output, finish=True)]

    return change


def _malformed(_fault: Fault, events: list[Event]) -> list[Event]:
    candidate = {
        "content": {},
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": "Malformed function call: print(default_api.f(",
        "index": 0,
    }
    return _instead(events, 0, candidates=[candidate])


def _thought_away(_fault: Fault, events: list[Event]) -> list[Event]:
    candidate = {"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
    return _instead(events, max(1, events[-1].output), candidates=[candidate])


def _empty(_fault: Fault, events: list[Event]) -> list[Event]:
    candidate = {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}
    return _instead(events, 0, candidates=[candidate])


def _no_candidates(_fault: Fault, events: list[Event]) -> list[Event]:
    return _instead(events, 0, candidates=[])


def _without_usage(_fault: Fault, events: list[Event]) -> list[Event]:
    return [
        replace(event, data={k: v for k, v in _data(event).items() if k != "usageMetadata"})
        for event in events
    ]


def _with_more(_fault: Fault, events: list[Event]) -> list[Event]:
    return [replace(event, data={**_data(event), **FOREIGN}) for event in events]


def _renamed(fault: Fault, events: list[Event]) -> list[Event]:
    name = str(fault.params.get("answers_as", "another-model"))
    return [replace(event, data={**_data(event), "modelVersion": name}) for event in events]


def _without_ids(_fault: Fault, events: list[Event]) -> list[Event]:
    for event in events:
        for candidate in _data(event)["candidates"]:
            for part in candidate["content"]["parts"]:
                part.get("functionCall", {}).pop("id", None)
    return events


def _data(event: Event) -> JSON:
    return event.data or {}


CHANGES: Mapping[str, Callable[[Fault, list[Event]], list[Event]]] = {
    "blocked_prompt": _blocked,
    "safety_mid_stream": _stopped("SAFETY"),
    "recitation": _stopped("RECITATION"),
    "malformed_function_call": _malformed,
    "max_tokens_by_thoughts": _thought_away,
    "empty_answer": _empty,
    "empty_choices": _no_candidates,
    "usage_missing": _without_usage,
    "extra_fields": _with_more,
    "wrong_model": _renamed,
    "drop_tool_ids": _without_ids,
}
