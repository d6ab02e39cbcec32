"""
title: Portico thumbs
author: Portico
description: Tells Portico of each thumb as it is given; Portico joins it to its request.
version: 1.0.0
required_open_webui_version: 0.12.0
"""

import asyncio
import logging
import re

import aiohttp
from open_webui.models.feedbacks import Feedbacks
from pydantic import BaseModel, Field

log = logging.getLogger(__name__)

PAUSES = (0, 5, 60)
"""Seconds before each try; what all of them miss is found by Portico's own look (`feedback`)."""

RATINGS = {1: 1, -1: -1, "1": 1, "-1": -1}
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,63}")


class Event:
    """An event function: Open WebUI calls `event` for whatever happens in it."""

    class Valves(BaseModel):
        """What an administrator fills in."""

        portico_url: str = Field(
            default="http://gateway:8000", description="Where Portico is, without /v1"
        )
        portico_key: str = Field(
            default="",
            description="The key that this Open WebUI has for Portico",
            json_schema_extra={"input": {"type": "password"}},
        )

    def __init__(self) -> None:
        self.valves = self.Valves()

    async def event(self, event: dict) -> None:
        """Tell Portico of a thumb; sends ids and a word for the reason, nothing anybody wrote."""
        if event.get("event") not in ("feedback.created", "feedback.updated"):
            return
        feedback = await Feedbacks.get_feedback_by_id((event.get("subject") or {}).get("id"))
        body = told(feedback)
        if body is None:
            return
        for pause in PAUSES:
            await asyncio.sleep(pause)
            if await self.sent(body):
                return
        log.warning("Portico does not take a thumb; its own look at the feedback may find it")

    async def sent(self, body: dict) -> bool:
        """Return whether Portico took it, or will never."""
        url = f"{self.valves.portico_url.rstrip('/')}/v1/feedback"
        headers = {"authorization": f"Bearer {self.valves.portico_key}"}
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, json=body, headers=headers) as answer,
            ):
                if answer.status in (400, 401, 403):
                    log.error("Portico refuses a thumb: status %d", answer.status)
                    return True
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            return False


def told(feedback) -> dict | None:
    """Return what Portico is told of *feedback*; None where it rates no message of a chat."""
    data, meta = (feedback.data or {}, feedback.meta or {}) if feedback else ({}, {})
    rating, chat, message = data.get("rating"), meta.get("chat_id"), meta.get("message_id")
    if rating not in RATINGS or not chat or not message:
        return None
    why = data.get("reason")
    return {
        "rating": RATINGS[rating],
        "chat_id": chat,
        "message_id": message,
        "at": feedback.updated_at,
        "reason": why if isinstance(why, str) and WORD.fullmatch(why) else None,
    }
