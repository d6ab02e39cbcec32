"""The gate keeps step with the store, whatever becomes of the store."""

import asyncio
import logging
from pathlib import Path

import pytest

from portico.access.base import Roster
from portico.access.gate import Gate, Rule
from portico.access.watch import Read, Watch, open_gate
from portico.errors import ConfigError, Problem, StoreUnavailable, Unauthenticated

from .keys import bearer, key, keyring, roster, text

pytestmark = pytest.mark.anyio

PAUSE = 0.01
AWAY = StoreUnavailable("the keys did not answer: SQLITE_BUSY")
KNOWN = roster((text(), key()))


class Told:
    """Returns, raises or calls what it was told last, and lets a test wait for the next look."""

    def __init__(self, answer: Roster | Exception | Read) -> None:
        self.answer = answer
        self._looks = asyncio.Semaphore(0)

    async def __call__(self) -> Roster:
        self._looks.release()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, Roster) else await self.answer()

    async def seen(self) -> None:
        """Return once what is told now has certainly been looked at."""
        while not self._looks.locked():
            await self._looks.acquire()
        await self._looks.acquire()
        await self._looks.acquire()  # the look before this one has come to its end


async def test_a_key_made_meanwhile_opens_and_one_revoked_does_not_any_more(
    tmp_path: Path,
) -> None:
    ring = keyring(tmp_path)
    read = Told(ring.roster)
    async with open_gate(Gate(Rule("auto")), read, PAUSE) as gate:
        assert gate.admit(None).key is None
        made = await ring.issue("anna")
        await read.seen()
        assert gate.admit(bearer(made.text)).key == made.key.id
        await ring.revoke("anna")
        await read.seen()
        with pytest.raises(Unauthenticated, match="revoked"):
            gate.admit(bearer(made.text))


async def test_closing_by_the_first_key_is_said_aloud_and_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = Told(roster())
    async with open_gate(Gate(Rule("auto")), read, PAUSE):
        read.answer = KNOWN
        await read.seen()
    said = [one for one in caplog.records if "closed now" in one.message]
    assert [one.levelno for one in said] == [logging.WARNING]


async def test_a_store_that_is_away_is_said_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "portico.access")
    read = Told(AWAY)
    async with open_gate(Gate(Rule(True)), read, PAUSE) as gate:
        await read.seen()
        assert gate.store_away
        read.answer = KNOWN
        await read.seen()
        assert not gate.store_away
        read.answer = AWAY
        await read.seen()
        assert gate.roster is KNOWN
    told = [one.message for one in caplog.records]
    assert [one for one in told if "SQLITE_BUSY" in one] == [
        "keys cannot be read, known ones stay good for 15 minutes: " + str(AWAY)
    ] * 2
    assert told.count("keys can be read again") == 1


async def test_a_fault_of_ours_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    read = Told(roster())
    async with open_gate(Gate(Rule("auto")), read, PAUSE) as gate:
        read.answer = ZeroDivisionError()
        await read.seen()
        read.answer = KNOWN
        await read.seen()
        assert gate.roster is KNOWN
    assert "tried again" in caplog.text


async def test_nothing_looks_after_the_gate_is_left() -> None:
    before = asyncio.all_tasks()
    async with open_gate(Gate(Rule("auto")), Told(roster()), PAUSE):
        assert len(asyncio.all_tasks() - before) == 1
    assert asyncio.all_tasks() == before


async def test_keys_of_a_newer_version_keep_the_gate_shut() -> None:
    with pytest.raises(ConfigError):
        async with open_gate(Gate(Rule(False)), Told(ConfigError((Problem("newer"),))), PAUSE):
            pass


async def test_a_fault_of_the_first_look_is_raised_and_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await Watch(Gate(Rule(True)), Told(ZeroDivisionError())).look()


@pytest.mark.parametrize(
    ("rule", "known", "level", "said"),
    [
        (Rule("auto"), roster(), logging.INFO, "open to this machine, until a first key"),
        (Rule(False), roster(), logging.INFO, "open to this machine: no key"),
        (Rule(False, exposed=True), KNOWN, logging.WARNING, "open to everybody who reaches it"),
        (Rule("auto", exposed=True), roster(), logging.WARNING, "nobody can ask"),
        (Rule(True), roster(), logging.WARNING, "portico keys create NAME"),
    ],
)
async def test_who_may_ask_is_said_at_the_start(
    caplog: pytest.LogCaptureFixture, rule: Rule, known: Roster, level: int, said: str
) -> None:
    caplog.set_level(logging.INFO, "portico.access")
    async with open_gate(Gate(rule), Told(known), PAUSE):
        pass
    assert [(one.levelno, said in one.message) for one in caplog.records] == [(level, True)]


async def test_nothing_is_said_where_callers_have_keys(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "portico.access")
    async with open_gate(Gate(Rule("auto", exposed=True)), Told(KNOWN), PAUSE):
        pass
    assert not caplog.records
