"""Which questions are the same, which answers are kept, and what a caller may want of that."""

import copy
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from portico.access.base import Caller
from portico.api.wire import parse
from portico.dispatch.caching import (
    KEEP,
    ORIGIN,
    SIMILAR,
    Answers,
    Cache,
    Control,
    Given,
    Question,
    chat_question,
    control,
    told,
    wanted,
)
from portico.dispatch.errands import Errands
from portico.dispatch.idempotency import Claim, Finished
from portico.dispatch.journey import Journey
from portico.errors import MalformedRequest

FIELDS: dict[str, Any] = {
    "fields": {
        "model": "vision",
        "messages": [
            {"role": "system", "content": "Answer as JSON."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Is #ff00aa at 16px AA or AAA? Not on version 1.2."},
                    {"type": "image_url", "image_url": {"url": "picture 0", "detail": "high"}},
                ],
            },
        ],
        "temperature": 0,
        "max_tokens": 100,
        "tools": [{"type": "function", "function": {"name": "find", "parameters": {}}}],
        "stream": False,
    },
    "task": None,
}
ASKED = Question(
    "chat/whole",
    Caller(key="k1", owner="k1", team="t1", roles=frozenset({"vision"})),
    "v1",
    "vision",
    FIELDS,
    (("a" * 64,), ("b" * 64, "c" * 64)),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where in *value* something can be changed."""
    found = [at]
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, held in items:
            found += places(held, (*at, key))
    return found


def altered(value: Any, source: random.Random) -> Any:
    """Return something else of about the same kind."""
    if isinstance(value, bool) or value is None:
        return source.choice([not value, 0, "null", []])
    if isinstance(value, int | float):
        return value + source.choice([1, -1, 0.5, 10**6])
    if isinstance(value, str):
        at = source.randrange(len(value) + 1)
        change = source.choice(["x", " ", "0", "é", "\u200b"])
        return source.choice(
            [value[:at] + change + value[at:], value.swapcase() + "1", value[1:] + "y"]
        )
    if isinstance(value, list):
        return source.choice([[*value, 1], value[1:] or [0], [*reversed(value), None]])
    key = source.choice(["x", "seed", "n"])
    return {**value, key: source.randrange(10)}


def mutated(source: random.Random) -> Question:
    """Return the question with one thing changed."""
    kind = source.randrange(12)
    whose = ASKED.caller
    simple = {
        0: lambda: replace(ASKED, kind=source.choice(["chat/stream", "design/elements", "chat"])),
        1: lambda: replace(ASKED, catalog=f"v{source.randrange(2, 10**6)}"),
        2: lambda: replace(ASKED, model=source.choice(["design", "auto", "vision2"])),
        3: lambda: replace(ASKED, pixels=tuple(reversed(ASKED.pixels))),
        4: lambda: replace(ASKED, pixels=(*ASKED.pixels, (f"{source.randrange(16**9):064x}",))),
        5: lambda: replace(ASKED, pixels=(ASKED.pixels[0], ASKED.pixels[1][:1])),
        6: lambda: replace(ASKED, caller=replace(whose, owner=f"k{source.randrange(2, 99)}")),
        7: lambda: replace(ASKED, caller=replace(whose, team=source.choice([None, "t2"]))),
        8: lambda: replace(ASKED, caller=replace(whose, roles=source.choice([None, frozenset()]))),
        9: lambda: replace(ASKED, caller=replace(whose, targets=frozenset({"qwen-vl"}))),
    }
    if kind in simple:
        return simple[kind]()
    fields = copy.deepcopy(FIELDS)
    *path, last = source.choice(places(fields)[1:])
    holder: Any = fields
    for key in path:
        holder = holder[key]
    holder[last] = altered(holder[last], source)
    return replace(ASKED, fields=fields)


def test_ten_thousand_mutations_of_a_question_are_never_the_same_question() -> None:
    source = random.Random(6)
    known = ASKED.key
    assert not [one for _ in range(10_000) if (one := mutated(source)).key == known]


def turned(value: Any) -> Any:
    """Return *value* with the fields of every object in the other order."""
    if isinstance(value, dict):
        return {key: turned(held) for key, held in reversed(list(value.items()))}
    return [turned(one) for one in value] if isinstance(value, list) else value


def test_the_order_of_fields_is_no_difference() -> None:
    assert replace(ASKED, fields=turned(FIELDS)).key == ASKED.key


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        ("", Control()),
        ("no-cache", Control(read=False)),
        ("No-Store", Control(read=False, write=False)),
        ("no-store, no-cache, max-age=3", Control(read=False, write=False)),
        ("max-age=60", Control(age=60)),
        ('private, max-age="5", max-age=60', Control(age=5)),
        ("max-age=-1, nonsense", Control()),
    ],
)
def test_cache_control_means_what_it_says(header: str, wish: Control) -> None:
    assert control(header, wanted=True) == wish
    assert control(header, wanted=False).bypass


def test_the_cache_is_asked_for_by_name() -> None:
    assert wanted(None, otherwise=True)
    assert not wanted("OFF", otherwise=True)
    assert wanted(" on ", otherwise=False)
    with pytest.raises(MalformedRequest):
        wanted("maybe", otherwise=True)


def claim(number: int) -> Claim:
    return Claim(None, b"%d" % number, b"")


def finished(*headers: tuple[bytes, bytes], status: int = 200) -> Finished:
    return Finished(status, headers, b"{}")


def test_only_what_is_marked_as_whole_is_kept() -> None:
    answers = Answers(60, 100_000)
    answers.keep(claim(1), finished(KEEP))
    answers.keep(claim(2), finished())
    answers.keep(claim(3), finished(KEEP, status=400))
    assert answers.find(claim(1)) is not None
    assert answers.find(claim(2)) is None
    assert answers.find(claim(3)) is None


def test_an_answer_has_an_age_and_can_be_purged_by_its_request() -> None:
    now = 100.0
    answers = Answers(60, 1_000_000, lambda: now)
    for number in range(200):
        answers.keep(claim(number), finished(KEEP, (ORIGIN, b"req_%d" % number)))
    now = 130.0
    assert answers.age(claim(7)) == 30
    assert answers.purge("req_7") == 1
    assert answers.find(claim(7)) is None
    assert answers.find(claim(8)) is not None
    assert answers.purge() == 199
    now = 500.0
    assert answers.find(claim(8)) is None


def test_ages_are_forgotten_with_their_answers() -> None:
    now = 100.0
    answers = Answers(60, 2_000, lambda: now)  # room for a few of them
    for number in range(500):
        answers.keep(claim(number), finished(KEEP))
    now = 130.0
    assert answers.age(claim(499)) == 30
    assert answers.age(claim(0)) == 0, "what is no longer kept has no age"


def test_only_a_hit_is_told() -> None:
    assert told(Given(finished(KEEP), hit=False)) == ()
    assert told(Given(finished(KEEP), hit=True, age=7.9))[1] == (b"age", b"7")


@pytest.mark.anyio
async def test_a_picture_that_nobody_can_look_at_makes_no_question() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}
    body = {"model": "vision", "messages": [{"role": "user", "content": [picture]}]}
    journey = Journey("req_1", parse(json.dumps(body).encode()), 0.0, 0.0)
    assert await chat_question(journey, "v1", None) is None


class Knows:
    """Somebody who says that every question was asked before, under the key *key*."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.cleared = False

    def observe(self, journey: Journey, catalog: str, key: bytes) -> None:
        raise AssertionError("nobody observes here")

    async def find(self, journey: Journey, catalog: str) -> bytes | None:
        return self.key

    def clear(self) -> None:
        self.cleared = True


@pytest.mark.anyio
async def test_an_answer_to_other_words_is_given_while_it_is_kept_and_young_enough() -> None:
    now = 100.0
    answers = Answers(60, 1_000_000, lambda: now)
    body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    journey = Journey("req_2", parse(json.dumps(body).encode()), 0.0, 0.0, Caller(owner="ann"))
    claim = Claim("ann", b"k", b"k")
    answers.keep(claim, Finished(200, (KEEP, (ORIGIN, b"req_1")), b"hi"))
    async with Errands() as errands:
        cache = Cache(answers, errands)
        assert await cache.similar(journey, "v1", Control()) is None, "nobody looks on"
        cache.clear()
        cache.likely = knows = Knows(b"k")
        now += 10
        found = await cache.similar(journey, "v1", Control(age=10))
        assert found is not None
        assert found.headers == ((ORIGIN, b"req_1"), SIMILAR, (b"age", b"10"))
        assert told(Given(found, False)) == (SIMILAR, (b"age", b"10"))
        assert await cache.similar(journey, "v1", Control(age=9)) is None, "it is too old"
        assert await cache.similar(journey, "v1", Control(read=False)) is None
        answers.purge("req_1")
        assert await cache.similar(journey, "v1", Control()) is None, "it was wrong, and is gone"
        cache.clear()
    assert knows.cleared
