"""Pictures are prepared for each kind of model, once."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from portico.access.base import Caller
from portico.api.wire import parse
from portico.artifacts.archive import Archive
from portico.artifacts.index import Artifact
from portico.artifacts.kept import Kept
from portico.artifacts.pictures import Prepared
from portico.artifacts.profiles import Profile
from portico.artifacts.taking import Intake
from portico.chat.aside import put_back
from portico.chat.pictures import pictures
from portico.chat.request import ChatRequest
from portico.dispatch.eyes import STUB, Eyes
from portico.dispatch.journey import Journey
from portico.errors import MalformedRequest, Overloaded, StoreUnavailable
from portico.routing.tiers import Target
from tests.artifacts import odd

pytestmark = pytest.mark.anyio

GEMINI = Target("gemini", "google", "gemini-3-flash", boxes="gemini")
QWEN = Target("qwen", "siliconflow", "Qwen3-VL", boxes="qwen3-vl")
PHOTO = odd.saved(odd.screen(900, 700), "JPEG", exif=odd.exif(6))
SHOT = odd.saved(odd.page(300, 200), "PNG")


class Watched(Intake):
    """An intake that counts what it is asked for."""

    def __init__(self, fetch: Any = None) -> None:
        super().__init__(fetch, None)
        self._kept = Kept(1)  # too little to keep anything
        self.prepared_for: list[str] = []

    async def prepared(self, data: bytes, profile: Profile) -> tuple[Prepared, ...]:
        self.prepared_for.append(profile.name)
        return await super().prepared(data, profile)


@asynccontextmanager
async def watched(fetch: Any = None, room: int = 10_000_000) -> AsyncIterator[tuple[Watched, Eyes]]:
    intake = Watched(fetch)
    try:
        yield intake, Eyes(intake, room)
    finally:
        intake.close()


def journey(*links: str, caller: str | None = None) -> Journey:
    parts = [{"type": "image_url", "image_url": {"url": link}} for link in links]
    body = {"model": "vision", "messages": [{"role": "user", "content": parts}]}
    request = parse(json.dumps(body).encode())
    return Journey("r", request, time.time(), time.monotonic(), Caller(owner=caller))


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def shown(eyes: Eyes, asked: Journey, target: Target = GEMINI) -> ChatRequest:
    return await eyes.show(asked, asked.request, target, 30)


def whole(request: ChatRequest) -> bytes:
    return put_back(bytes(request.fields["messages"]), request.aside)


async def test_the_same_picture_in_many_turns_is_prepared_once_for_each_kind_of_model() -> None:
    async with watched() as (intake, eyes):
        asked = [await shown(eyes, journey(uri(PHOTO))) for _ in range(10)]
        await shown(eyes, journey(uri(PHOTO)), QWEN)
        assert intake.prepared_for == ["gemini", "qwen3-vl"]
    assert len({whole(request) for request in asked}) == 1


async def test_a_picture_that_is_fine_leaves_the_request_as_it_is() -> None:
    async with watched() as (_, eyes):
        asked = journey(uri(SHOT))
        assert await shown(eyes, asked) is asked.request


async def test_both_forms_of_a_message_say_the_same() -> None:
    async with watched() as (_, eyes):
        request = await shown(eyes, journey(uri(SHOT), uri(PHOTO)))
    typed = [part.link.url for part in request.messages[0].parts if part.link]
    raw = [
        part["image_url"]["url"]
        for part in json.loads(bytes(request.fields["messages"]))[0]["content"]
    ]
    assert typed == raw
    assert typed[1].startswith("data:image/png;base64,portico-")


async def test_what_does_not_fit_is_forgotten_oldest_first() -> None:
    async with watched(room=189_000) as (intake, eyes):
        other = odd.saved(odd.screen(901, 700), "JPEG", exif=odd.exif(3))
        for data in (PHOTO, other, PHOTO, PHOTO):
            await shown(eyes, journey(uri(data)))
        assert len(intake.prepared_for) in (2, 3)


async def test_a_link_is_followed_once_a_request_however_many_are_asked() -> None:
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return PHOTO

    async with watched(fetch) as (_, eyes):
        one = journey("https://lab.example/shot")
        first, second = await shown(eyes, one), await shown(eyes, one, QWEN)
        assert asked == ["https://lab.example/shot"]
    for request in (first, second):
        assert b"lab.example" not in whole(request)
        assert b"data:image/png;base64,iVBOR" in whole(request)


async def test_a_linked_picture_is_sent_although_it_was_sent_inline_before() -> None:
    async def fetch(url: str) -> bytes:
        return SHOT

    async with watched(fetch) as (_, eyes):
        await shown(eyes, journey(uri(SHOT)))
        request = await shown(eyes, journey("https://lab.example/shot"))
    assert uri(SHOT).encode() in whole(request)


@pytest.mark.parametrize("broken", [SHOT[:300], b"\x89PNG\r\n\x1a\n" + bytes(3000)])
async def test_the_place_of_what_cannot_be_taken_is_named(broken: bytes) -> None:
    async with watched() as (_, eyes):
        with pytest.raises(MalformedRequest) as refused:
            await shown(eyes, journey(uri(SHOT), uri(broken)))
    assert refused.value.param == "messages[0].content[1].image_url.url"


async def test_waiting_for_a_picture_ends() -> None:
    async with watched() as (_, eyes):
        asked = journey(uri(PHOTO))
        with pytest.raises(Overloaded):
            await eyes.show(asked, asked.request, GEMINI, 0.0)


async def test_what_is_larger_than_all_the_room_is_not_remembered() -> None:
    async with watched(room=1) as (intake, eyes):
        for _ in range(2):
            await shown(eyes, journey(uri(PHOTO)))
        assert len(intake.prepared_for) == 2


class Index(Archive):
    """An archive whose index is away."""

    def __init__(self) -> None:
        self.asked = 0

    async def carried(self, owner: str | None, raw: str) -> Artifact | None:
        self.asked += 1
        raise StoreUnavailable("away")


async def test_what_is_left_out_is_named_where_that_is_known_and_nobody_waits_for_it() -> None:
    ident = "art_" + "a" * 26
    intake = Intake(None, None)
    try:
        for archive in (None, Index()):
            eyes = Eyes(intake, archive=archive)
            asked = journey(ident, uri(PHOTO), "https://lab.example/x.png")
            named, carried, linked = pictures(asked.request.messages).values()
            assert ident in await eyes.stub(asked, named)
            assert await eyes.stub(asked, carried) == STUB
            assert await eyes.stub(asked, linked) == STUB
            if archive is not None:
                assert archive.asked == 1
    finally:
        intake.close()


async def test_what_is_less_than_was_asked_for_is_told_once() -> None:
    asked = journey(uri(SHOT))
    asked.degrade("one")
    asked.degrade("one")
    assert asked.degraded == ["one"]
