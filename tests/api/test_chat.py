"""The chat endpoint stands outside of FastAPI, and sees to its own faults."""

import logging
from pathlib import Path

import msgspec
import pytest
from starlette.types import Message, Scope

from portico.api.chat import Chat
from portico.api.deps import Lobby
from tests.serving import house

pytestmark = pytest.mark.anyio


class Caller:
    """One request as ASGI has it; `strict` chokes on what comes after the head."""

    def __init__(self, *, strict: bool = False) -> None:
        body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
        self.body = msgspec.json.encode(body)
        self.scope: Scope = {"type": "http", "method": "POST", "headers": []}
        self.told: list[Message] = []
        self._strict = strict

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.told.append(message)
        if self._strict and len(self.told) > 1:
            raise ZeroDivisionError


async def test_a_fault_of_ours_is_a_500_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    caller = Caller()
    await Chat(Lobby())(caller.scope, caller.receive, caller.send)  # the lifespan has not run
    start, body = caller.told
    assert start["status"] == 500
    error = msgspec.json.decode(body["body"])["error"]
    assert (error["source"], error["message"]) == (
        "gateway",
        "Something went wrong in the gateway.",
    )
    assert error["request_id"].encode() == dict(start["headers"])[b"x-portico-request-id"]
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info


async def test_a_fault_after_the_head_is_the_servers_to_cut_off(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lobby, caller = Lobby(), Caller(strict=True)
        lobby.enter(lab.serving)
        with pytest.raises(ZeroDivisionError):
            await Chat(lobby)(caller.scope, caller.receive, caller.send)
    types = [message["type"] for message in caller.told]
    assert types == ["http.response.start", "http.response.body"]


async def test_a_client_that_leaves_before_it_has_asked_is_told_nothing(tmp_path: Path) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async with house(tmp_path) as lab:
        lobby, caller = Lobby(), Caller()
        lobby.enter(lab.serving)
        await Chat(lobby)(caller.scope, gone, caller.send)
    assert caller.told == []
