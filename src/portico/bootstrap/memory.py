"""The memory's server: is it there, and does it take our key?"""

from urllib.parse import parse_qs, urlsplit, urlunsplit

from portico.bootstrap.base import Line, Order, State
from portico.errors import StoreUnavailable
from portico.settings import load_settings

WITHIN = 5.0
"""Seconds to answer."""


async def collections(order: Order) -> list[Line]:
    """Ask for the list of collections; the gateway makes its own when it has something to note."""
    url = load_settings(order.config, order.environ).stores.memory.get_secret_value()
    if not url.startswith("http"):
        return [Line(State.ALREADY, "the memory is a folder: no server is needed")]
    import httpx

    parts = urlsplit(url)
    key = parse_qs(parts.query).get("api_key", [""])[-1]
    place = urlunsplit(
        (parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/collections", "", "")
    )
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client:
            answer = await client.get(place, headers={"api-key": key} if key else {})
    except httpx.HTTPError as exc:
        raise StoreUnavailable(f"the memory cannot be reached: {type(exc).__name__}") from None
    if answer.status_code in (401, 403):
        mend = "give Qdrant and us the same key"
        return [Line(State.FAILED, "the memory does not take our key", mend=mend)]
    if answer.status_code != 200:
        raise StoreUnavailable(f"the memory answered with status {answer.status_code}")
    return [Line(State.ALREADY, "the memory answers; its collections are made as they are needed")]
