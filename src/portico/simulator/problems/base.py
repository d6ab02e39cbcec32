"""What an error body is made from, and what several providers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from portico.simulator.scripts import Problem


@dataclass(frozen=True, slots=True)
class Occasion:
    """The call that fails: whose model, how long it was, and the parameters of the fault."""

    model: str
    input: int = 1
    window: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def delay(self) -> float:
        """Seconds the provider says to wait."""
        return float(self.params.get("delay", 10))

    @property
    def variant(self) -> str:
        """Which of several bodies is wanted."""
        return str(self.params.get("variant", ""))

    @property
    def length(self) -> tuple[int, int]:
        """Tokens sent and tokens allowed: the truth, or where it fits, something too long."""
        allowed = self.window or 65_536
        return (self.input if self.input > allowed else allowed + 3_421), allowed


type Problems = Mapping[str, Callable[[Occasion], Problem]]

HTML = (
    b"<html>\r\n<head><title>%b</title></head>\r\n<body>\r\n<center><h1>%b</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def html(status: int, title: str) -> Problem:
    """Return a proxy's page."""
    name = title.encode()
    return Problem(status, HTML % (name, name), media="text/html")


def retry_after(occasion: Occasion) -> dict[str, str]:
    """Return a Retry-After header: seconds, or an HTTP date where `date` is asked for."""
    if occasion.params.get("date"):
        return {"retry-after": formatdate(time() + occasion.delay, usegmt=True)}
    return {"retry-after": f"{occasion.delay:g}"}


SHARED: Problems = {
    "bad_gateway": lambda _: html(502, "502 Bad Gateway"),
    "html_200": lambda _: html(200, "Sign in to this network"),
    "empty_body": lambda _: Problem(200, b""),
    "not_json_200": lambda _: Problem(200, b'{"choices": [', media="application/json"),
}
"""What does not come from the provider but from what stands before it."""
