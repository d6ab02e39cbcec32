"""A person at the console, over a real socket."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx

from tests.serving import House

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


@dataclass
class Person:
    """Keeps cookies, and fills in the token of the page that was looked at last."""

    lab: House
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    async def look(self, path: str = "", **params: Any) -> httpx.Response:
        """Open a page of the console."""
        return await self._ask("GET", path, params=params or None)

    async def send(self, path: str, /, files: Any = None, **fields: Any) -> httpx.Response:
        """Send a form of the page that was looked at last."""
        data = {"token": self.token, **fields}
        return await self._ask("POST", path, data=data, files=files)

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"accept": "text/html", **more.pop("headers", {})}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.lab.client.request(method, f"/console{path}", headers=headers, **more)
        self.cookies |= dict(answer.cookies)
        if found := TOKEN.search(answer.text):
            self.token = found[1]
        return answer


def words(answer: httpx.Response) -> str:
    """Return what a page says, without its tags."""
    hidden = r"<style>.*?</style>|<p(?= )[^>]* hidden>.*?</p>"
    text = re.sub(hidden, " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
