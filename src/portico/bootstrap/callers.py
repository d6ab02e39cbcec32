"""The first keys: an operator's, and the chat UI's where its key lies among the secrets."""

import time

from portico.access.keyring import Keyring
from portico.bootstrap.base import Line, Order, State, made
from portico.settings import load_settings
from portico.settings.environment import told
from portico.wiring import open_keyring

ADMIN, WEBUI = "PORTICO_ADMIN_KEY", "PORTICO_WEBUI_KEY"
"""Where keys are told that the folder of secrets holds; `_FILE` behind them names their files."""

OPERATOR, FRONT = "operator", "open-webui"
"""What these keys are called in lists."""


async def first_keys(order: Order) -> list[Line]:
    """Make an operator's key where nobody has one, and know the chat UI's."""
    settings = load_settings(order.config, order.environ)
    admin, webui = told(order.environ, ADMIN), told(order.environ, WEBUI)
    async with open_keyring(settings, order.home) as ring:
        lines = [await _operator(order, ring, admin)]
        if webui:
            lines.append(await _front(order, ring, webui))
    return lines


async def _operator(order: Order, ring: Keyring, text: str | None) -> Line:
    now, undo = time.time(), f"portico keys revoke {OPERATOR}"
    if any(key.admin and key.state(now) == "live" for key in await ring.list()):
        return Line(State.ALREADY, "an operator has a key")
    if order.check:
        return made(order, "an operator's key is made", undo)
    if text:
        if await ring.adopt(OPERATOR, text, admin=True):
            return made(order, f"the operator's key is the one that {ADMIN} tells", undo)
        mend = "remove its file and bootstrap the secrets anew"
        return Line(State.FAILED, f"the key that {ADMIN} tells is revoked or expired", mend=mend)
    issued = await ring.issue(OPERATOR, admin=True)
    return made(order, f"the operator's key, told this one time: {issued.text}", undo)


async def _front(order: Order, ring: Keyring, text: str) -> Line:
    undo = f"portico keys revoke {FRONT}"
    if order.check:
        known = (await ring.roster()).find(text.encode()) is not None
    else:
        known = await ring.adopt(FRONT, text, trusted=True) is None
    if known:
        return Line(State.ALREADY, "Open WebUI's key is known")
    return made(order, "Open WebUI's key is known from now on", undo)
