"""All steps in their order; what one of them meets never stops the telling of it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from portico.bootstrap.base import Line, Order, State, Step, Told
from portico.bootstrap.callers import first_keys
from portico.bootstrap.memory import collections
from portico.bootstrap.preflight import preflight
from portico.bootstrap.secrets import keep_secrets
from portico.bootstrap.smoke import smoke
from portico.bootstrap.stores import bucket, tables
from portico.bootstrap.tunnels import tunnels
from portico.errors import ConfigError, GatewayError, NotFound, StoreUnavailable
from portico.settings import load_settings

PATIENCE = 30.0
"""Seconds to wait for a store that is still on its way up."""

PAUSE = 1.0


async def configuration(order: Order) -> list[Line]:
    """Tell whether the configuration is sound; raises ConfigError."""
    await asyncio.to_thread(load_settings, order.config, order.environ)
    told = str(order.config) if order.config else "the built-in one"
    return [Line(State.ALREADY, f"the configuration is sound: {told}")]


STEPS: Mapping[str, Step] = {
    "preflight": preflight,
    "secrets": keep_secrets,
    "configuration": configuration,
    "tables": tables,
    "bucket": bucket,
    "collections": collections,
    "keys": first_keys,
    "egress": tunnels,
    "smoke": smoke,
}


def named(only: Sequence[str]) -> tuple[str, ...]:
    """Return the steps of those names, or all, in their order; raises NotFound."""
    if unknown := [name for name in only if name not in STEPS]:
        raise NotFound(f"There is no step {unknown[0]!r}; there is {', '.join(STEPS)}.")
    return tuple(name for name in STEPS if not only or name in only)


async def bootstrap(
    order: Order, names: Sequence[str], say: Callable[[Told], None], patience: float = PATIENCE
) -> list[Told]:
    """
    Take the steps of those *names*, tell each to *say* when it has ended, and return all.

    After a configuration that is not sound the rest is skipped. A store that is away is waited
    for, *patience* seconds in each step; with `check` not at all.
    """
    found: list[Told] = []
    for name in names:
        unsound = any(told.step == "configuration" and told.failed for told in found)
        if unsound:
            waits = Line(State.SKIPPED, "waits for a sound configuration")
            told = Told(name, (waits,), 0.0)
        else:
            told = await _taken(name, order, 0.0 if order.check else patience)
        found.append(told)
        say(told)
    return found


async def _taken(name: str, order: Order, patience: float) -> Told:
    began = time.monotonic()
    while True:
        try:
            lines = tuple(await STEPS[name](order))
        except StoreUnavailable as exc:
            if time.monotonic() - began < patience:
                await asyncio.sleep(PAUSE)
                continue
            mend = "start it, or mend its address or password; then bootstrap again"
            lines = (Line(State.FAILED, str(exc), mend=mend),)
        except ConfigError as exc:
            mend = "portico check says where and how"
            lines = tuple(Line(State.FAILED, str(problem), mend=mend) for problem in exc.problems)
        except (GatewayError, ValueError) as exc:
            lines = (Line(State.FAILED, str(exc)),)
        except OSError as exc:
            place = f"{exc.filename}: " if exc.filename else ""
            mend = "let this user read and write there"
            lines = (Line(State.FAILED, f"{place}{exc.strerror or exc}", mend=mend),)
        return Told(name, lines, time.monotonic() - began)
