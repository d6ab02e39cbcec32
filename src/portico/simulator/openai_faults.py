"""Answers as OpenAI-shaped upstreams spoil them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from portico.simulator.faults import AFTER, FOREIGN, Fault
from portico.simulator.questions import JSON
from portico.simulator.scripts import Event

UNFILTERED = {name: {"filtered": False} for name in ("hate", "self_harm", "sexual", "violence")}


def spoil(fault: Fault, events: list[Event]) -> list[Event]:
    """Return *events* as *fault* has them; unchanged if this dialect has no such fault."""
    change = CHANGES.get(fault.name)
    return change(fault, events) if change else events


def _finishing(reason: str, *, early: bool) -> Callable[[Fault, list[Event]], list[Event]]:
    """Finish with *reason*; `early` after some deltas, or half of a whole text."""

    def change(fault: Fault, events: list[Event]) -> list[Event]:
        said = _shortened(fault, events) if early else events
        return [_finished(event, reason) if event.finish else event for event in said]

    return change


def _shortened(fault: Fault, events: list[Event]) -> list[Event]:
    left = int(fault.params.get("after", AFTER))
    kept: list[Event] = []
    for event in events:
        if event.delta and not event.finish:
            left -= 1
            if left < 0:
                continue
        kept.append(event)
    return [_half(event) if event.delta and event.finish else event for event in kept]


def _half(event: Event) -> Event:
    choices = [
        {**choice, "message": {**choice["message"], "content": _first(choice["message"])}}
        for choice in _data(event)["choices"]
    ]
    return replace(event, data={**_data(event), "choices": choices})


def _first(message: JSON) -> str:
    text = str(message.get("content") or "")
    return text[: len(text) // 2]


def _finished(event: Event, reason: str) -> Event:
    choices = [{**choice, "finish_reason": reason} for choice in _data(event)["choices"]]
    return replace(event, data={**_data(event), "choices": choices})


def _empty(_fault: Fault, events: list[Event]) -> list[Event]:
    """Leave only what carries no content; a whole answer keeps an empty message."""
    kept = [event for event in events if not event.delta or event.finish]
    return [_silenced(event) if event.delta else replace(event, output=0) for event in kept]


def _silenced(event: Event) -> Event:
    message = {"role": "assistant", "content": ""}
    choices = [
        {**choice, "message": message, "finish_reason": "stop"}
        for choice in _data(event)["choices"]
    ]
    return replace(event, data={**_data(event), "choices": choices}, output=0)


def _no_choices(_fault: Fault, events: list[Event]) -> list[Event]:
    return [_with(event, choices=[]) for event in events if not event.delta or event.finish]


def _without_usage(_fault: Fault, events: list[Event]) -> list[Event]:
    return [
        replace(event, data={k: v for k, v in _data(event).items() if k != "usage"})
        if event.data is not None
        else event
        for event in events
        if event.data is None or event.data["choices"]
    ]


def _with_more(_fault: Fault, events: list[Event]) -> list[Event]:
    return [
        _with(
            event,
            **FOREIGN,
            choices=[
                {**choice, "content_filter_results": UNFILTERED}
                for choice in _data(event)["choices"]
            ],
        )
        if event.data is not None
        else event
        for event in events
    ]


def _renamed(fault: Fault, events: list[Event]) -> list[Event]:
    return [_with(event, model=fault.params.get("answers_as", "another-model")) for event in events]


def _without_ids(_fault: Fault, events: list[Event]) -> list[Event]:
    for event in events:
        for choice in _data(event).get("choices", ()):
            said = choice.get("delta") or choice.get("message") or {}
            for call in said.get("tool_calls", ()):
                call.pop("id", None)
    return events


def _undone(_fault: Fault, events: list[Event]) -> list[Event]:
    return [event for event in events if event.data is not None]


def _with(event: Event, /, **fields: Any) -> Event:
    return event if event.data is None else replace(event, data={**event.data, **fields})


def _data(event: Event) -> JSON:
    return event.data or {}


CHANGES: Mapping[str, Callable[[Fault, list[Event]], list[Event]]] = {
    "content_filter": _finishing("content_filter", early=True),
    "insufficient_system_resource": _finishing("insufficient_system_resource", early=True),
    "finish_empty": _finishing("", early=False),
    "eos": _finishing("eos", early=False),
    "empty_answer": _empty,
    "empty_choices": _no_choices,
    "usage_missing": _without_usage,
    "extra_fields": _with_more,
    "wrong_model": _renamed,
    "drop_tool_ids": _without_ids,
    "missing_done": _undone,
}
