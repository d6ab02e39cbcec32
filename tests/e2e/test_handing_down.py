"""Where nobody who sees is alive, a blind model may be told what a picture showed: aloud."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.artifacts import odd
from tests.serving import House, house

pytestmark = pytest.mark.anyio

SCREEN = odd.screen(300, 200)
SHOT = odd.saved(SCREEN, "PNG")
SAID = "A blue login form with a red button."
DESIGN = {"design": {"hand_down": True}}
EYES = ("gemini-3-flash-preview", "Qwen/Qwen3-VL-32B-Instruct")


def asking(text: str, data: bytes = SHOT, kind: str = "image/png") -> list[dict[str, Any]]:
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    picture = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [{"type": "text", "text": text}, picture]}]


def blinded(lab: House) -> None:
    for model in EYES:
        lab.simulator.fault("*", model, "overloaded", times=None)


async def later(lab: House, messages: Any, **fields: Any) -> httpx.Response:
    """Ask until what was noted in the background is known."""
    async with asyncio.timeout(10):
        while True:
            answer = await lab.chat(messages, model="design", **fields)
            if answer.status_code == 200:
                return answer
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_said_of_a_picture_stands_in_for_it_and_everybody_is_told(
    stream: bool, tmp_path: Path
) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        seen = await lab.chat(asking(f"SAY: {SAID}"), model="design", stream=stream)
        assert "x-portico-degraded" not in seen.headers
        blinded(lab)
        answer = await later(lab, asking("What colour is the button?"), stream=stream)
        told = [call for call in lab.simulator.calls if call.work == "chat"][-1]
        row = (await lab.requests())[0]
    assert answer.headers["x-portico-target"] == "deepseek-v3"
    assert answer.headers["x-portico-degraded"] == "image-handed-down"
    assert answer.headers["x-portico-attempts"] == "3"
    assert row["degraded"] == "image-handed-down"
    assert lab.simulator.blind == []
    text = str(told.body["messages"])
    assert "image_url" not in text
    assert "gemini-3-flash, who saw it on" in text
    assert SAID in text
    assert "You cannot see it" in text
    assert "300 x 200" in text


async def test_the_same_pixels_in_another_file_are_the_same_picture(tmp_path: Path) -> None:
    webp = odd.saved(SCREEN, "WEBP", lossless=True)
    async with house(tmp_path, roles=DESIGN) as lab:
        await lab.chat(asking(f"SAY: {SAID}"), model="design")
        blinded(lab)
        answer = await later(lab, asking("And now?", webp, "image/webp"))
    assert answer.headers["x-portico-degraded"] == "image-handed-down"


async def test_a_picture_that_nobody_has_described_is_never_handed_down(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        await lab.chat(asking(f"SAY: {SAID}"), model="design")
        blinded(lab)
        await later(lab, asking("known by now"))
        other = odd.saved(odd.screen(301, 200), "PNG")
        answer = await lab.chat(asking("What is this?", other), model="design")
        both = asking("both?")
        both[0]["content"] += asking("", other)[0]["content"][1:]
        mixed = await lab.chat(both, model="design")
    for failed in (answer, mixed):
        assert failed.status_code == 502
        assert failed.json()["error"]["attempts"][0]["target"] == "gemini-3-flash"
        assert "x-portico-degraded" not in failed.headers
    assert lab.simulator.blind == []


async def test_a_role_that_does_not_allow_it_fails(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat(asking(f"SAY: {SAID}"), model="design")
        blinded(lab)
        answer = await lab.chat(asking("What colour?"), model="design")
    assert answer.status_code == 502


async def test_what_failed_for_its_own_sake_is_not_asked_again_in_words(tmp_path: Path) -> None:
    async with house(tmp_path, roles=DESIGN) as lab:
        await lab.chat(asking(f"SAY: {SAID}"), model="design")
        lab.simulator.fault("gemini", "*", "bad_request", times=None)
        answer = await lab.chat(asking("What colour?"), model="design")
    assert answer.status_code == 400
    assert "x-portico-degraded" not in answer.headers


async def test_without_anybody_left_to_tell_the_first_failure_stays(tmp_path: Path) -> None:
    """All of the role were asked; a refusal is no description; a broken picture has none."""
    roles = {"vision": {"hand_down": True}, "code": {"targets": ["deepseek-v3"], "hand_down": True}}
    async with house(tmp_path, roles=roles) as lab:
        lab.simulator.fault("gemini", "*", "blocked_prompt")
        refused = await lab.chat(asking("What is this?"), model="vision")
        await lab.chat(asking(f"SAY: {SAID}"), model="vision")
        await asyncio.sleep(0.3)
        blinded(lab)
        answer = await lab.chat(asking("What colour?"), model="vision")
        told = await lab.chat(asking("What colour?"), model="code")
        broken = await lab.chat(
            asking("?", odd.saved(odd.page(99, 99), "PNG")[:2000]), model="code"
        )
    assert refused.status_code == 200
    assert answer.status_code == 502
    assert told.headers["x-portico-degraded"] == "image-handed-down"
    assert broken.status_code == 422
