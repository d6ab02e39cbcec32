"""
What the ledger's promises cost: python -m benchmarks.ledger usage | writer | journal

`usage` asks `/api/usage` over a million requests, in SQLite and in Postgres; `writer` brings rows
to Postgres at a steady rate and then as fast as it goes; `journal` tells what a request pays for
outliving a kill. Postgres is started for it, and syncs to the disk. Wall times mean something only
where nobody else works.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
from scripts.services import postgres

from benchmarks.subjects import gateway
from portico.chat.reply import Usage
from portico.ledger.base import By, Entry, UsageQuery
from portico.ledger.journal import Journal
from portico.ledger.postgres import open_postgres
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from portico.ledger.sqlite import open_sqlite
from portico.ledger.writer import Ledger
from portico.routing.attempts import Answered, Attempt
from portico.routing.tiers import Price, Target
from portico.stores.migrations import steps

REQUESTS = 1_000_000
DAYS = 90
ROUNDS = 9
RATE, SECONDS = 2_000, 15

_REQUEST = (
    "INSERT INTO {at}requests (id, started, took, asked, role, decided_by, caller, task, operation,"
    " modalities, streamed, outcome, status, target, first_delta, simulated, person, team)"
    " SELECT 'req_' || (100000000000 + i), {began} + i * {step}, 1.5, 'auto', 'role' || (i % 6),"
    " 'word', 'key_' || (i % 20), CASE WHEN i % 7 = 0 THEN 'title_generation' END, 'chat', 'text',"
    " 1, 'answered', 200, 'target' || (i % 8), 0.5, 0, 'person' || (i % 50), 'team' || (i % 6)"
    " FROM {rows}"
)
_ATTEMPT = (
    "INSERT INTO {at}attempts (id, request, position, target, upstream, model, tier, egress,"
    " started, took, first_delta, outcome, detail, input, cached, output, reasoning,"
    " cost_nano, simulated)"
    " SELECT 'att_' || (100000000000 + i), 'req_' || (100000000000 + i), 0, 'target' || (i % 8),"
    " 'upstream' || (i % 3), 'm', 1, 'direct', 0.0, 1.4, 0.5, 'answered', '', 1000, 0, 200, 0,"
    " 450000, 0 FROM {rows}"
)
_SERIES = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    " SELECT i FROM n)",
    "postgres": "generate_series(1, {count}) AS i",
}


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Give the URL of a Postgres of our own that syncs, as one of an installation does."""
    durable = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "4GB"}
    try:
        yield postgres.up(folder, **durable)[postgres.VARIABLE]
    finally:
        postgres.down(folder)


def filling(kind: str, count: int) -> list[str]:
    """Return what fills a ledger with *count* requests of the last days, and adds them up."""
    place = "portico." if kind == "postgres" else ""
    began, step = time.time() - DAYS * 86_400, DAYS * 86_400 / count
    words = {"at": place, "began": began, "step": step, "rows": _SERIES[kind].format(count=count)}
    known = steps("ledger", kind, "the ledger").all
    sums = [one for step in known for one in step.statements if _adds_up(one, place)]
    return [_REQUEST.format(**words), _ATTEMPT.format(**words), *sums]


def _adds_up(statement: str, place: str) -> bool:
    return statement.startswith(f"INSERT INTO {place}usage_hours")


async def fill_sqlite(file: Path, count: int) -> None:
    """Make a ledger of *count* requests in *file*."""
    async with open_sqlite(file):
        pass
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in filling("sqlite", count):
            connection.execute(statement)


async def fill_postgres(url: str, count: int) -> None:
    """Make one at *url*."""
    async with open_postgres(url) as store:
        await store.request("")
    connection = await asyncpg.connect(url)
    for statement in filling("postgres", count):
        await connection.execute(statement)
    await connection.execute("ANALYZE")
    await connection.close()


def ask(home: Path, url: str, kind: str, count: int) -> None:
    """Print how long `/api/usage` takes over the ledger at *url*."""
    now = time.time()
    month = f"&since={now - 30 * 86_400 - 1_234:.0f}&until={now - 600:.0f}"
    with (
        gateway(home, {"extends": "builtin", "stores": {"ledger": url}}) as served,
        httpx.Client(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client,
    ):
        while client.get("/readyz").json()["stores"]["access"] != "ok":
            time.sleep(0.05)
        for window, more in (("all of it", ""), ("30 days, from within an hour", month)):
            for by in By:
                took = sorted(_asked(client, f"/api/usage?by={by.value}{more}", count))
                told = f"least {took[0]:6.1f}  median {statistics.median(took):6.1f}"
                print(f"{kind:<9} {window:<29} by {by.value:<9} {told}  most {took[-1]:6.1f} ms")


def _asked(client: httpx.Client, path: str, count: int) -> Iterator[float]:
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(path)
        yield (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, answer.text
        requests = sum(one["requests"] for one in answer.json()["usage"])
        assert "since" in path or requests == count, f"{path}: {requests} of {count}"


def usage(count: int) -> None:
    """Ask both kinds of ledger."""
    with TemporaryDirectory() as folder, server(Path(folder, "postgres")) as url:
        file = Path(folder, "ledger.db")
        asyncio.run(fill_sqlite(file, count))
        ask(Path(folder, "one"), f"sqlite:///{file}", "SQLite", count)
        asyncio.run(fill_postgres(url, count))
        ask(Path(folder, "other"), url, "Postgres", count)


def entry(number: int) -> Entry:
    """Return a request as dispatch tells it."""
    price = Price(input=0.5, output=3.0)
    target = Target(name="bench", upstream="bench", model="bench/model", price=price)
    outcome = Answered(Usage(input=1_000, output=200))
    attempt = Attempt(f"att_{number}_{time.time_ns()}", target, 0.0, 1.0, outcome, 0.5)
    return Entry(
        id=f"req_{number}_{time.time_ns()}",
        started=time.time(),
        took=1.2,
        asked="auto",
        role="code",
        caller=f"key_{number % 20}",
        person=f"person{number % 50}",
        outcome="answered",
        status=200,
        target="bench",
        attempts=(attempt,),
    )


def resident() -> float:
    """Return this process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def write(url: str, folder: Path) -> None:
    """Print what becomes of rows that come at RATE, and how fast they can go."""
    async with open_postgres(url) as store, Ledger(store, Spool(folder)) as ledger:
        ledger.record(entry(0))
        await ledger.flush()
        before, cpu, most, peak = resident(), time.process_time(), 0, 0.0
        began = time.perf_counter()
        for number in range(RATE * SECONDS):
            ledger.record(entry(number))
            if number % 20 == 19:
                most, peak = max(most, ledger.pending), max(peak, resident())
                await asyncio.sleep(max(0.0, began + (number + 1) / RATE - time.perf_counter()))
        left, took = ledger.pending, time.perf_counter() - began
        await ledger.flush()
        cpu = (time.process_time() - cpu) / (RATE * SECONDS) * 1e6
        print(
            f"{RATE * SECONDS / took:.0f} rows/s for {took:.1f} s: at most {most} wait, {left} at"
        )
        print(
            f"the end; {ledger.lost} lost, {ledger.spooled} spooled; {cpu:.0f} µs of our CPU a row;"
        )
        print(f"memory {before:.0f} MB before, {peak:.0f} MB at the most")
        every = [entry(number) for number in range(9_000)]
        began = time.perf_counter()
        for one in every:
            ledger.record(one)
        await ledger.flush()
        print(f"9,000 at once: {len(every) / (time.perf_counter() - began):.0f} rows/s")
        booked = sum(row.requests for row in await store.usage(UsageQuery(By.ROLE)))
        assert booked == RATE * SECONDS + 9_001, booked


def writer() -> None:
    """Write into a Postgres that syncs."""
    with TemporaryDirectory() as folder, server(Path(folder, "postgres")) as url:
        asyncio.run(write(url, Path(folder, "spool")))


def journal() -> None:
    """Print what a row costs on the event loop's thread."""
    with TemporaryDirectory() as folder:
        one, rows = Journal(Path(folder)), [row_of(entry(number)) for number in range(500)]

        def append() -> None:
            for row in rows:
                one.append(row)

        def settle() -> None:
            one.turn()
            one.settle()

        costs = [(_cpu(append) / len(rows), _cpu(settle)) for _ in range(20)]
        print(f"append {min(cost for cost, _ in costs):.1f} µs of CPU a request")
        print(f"settle {min(cost for _, cost in costs):.1f} µs a batch, in the writer's thread")
        one.close(safe=True)


def _cpu(work: Callable[[], None]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1e6


def main() -> None:
    """Measure what is asked for."""
    told = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    told.add_argument("what", choices=("usage", "writer", "journal"))
    told.add_argument("--requests", type=int, default=REQUESTS)
    chosen = told.parse_args()
    if chosen.what == "usage":
        usage(chosen.requests)
    else:
        {"writer": writer, "journal": journal}[chosen.what]()


if __name__ == "__main__":
    main()
