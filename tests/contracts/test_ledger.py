"""What every LedgerStore promises. A further backend is one more name in BACKENDS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from portico.chat.reply import Usage
from portico.ledger.base import (
    STEPS,
    By,
    Ending,
    LedgerStore,
    RequestQuery,
    RequestRow,
    SeriesQuery,
    SeriesRow,
    Source,
    UsageQuery,
    UsageRow,
    source_of,
)
from portico.ledger.postgres import open_postgres
from portico.ledger.rows import row_of
from portico.ledger.sqlite import open_sqlite
from portico.routing.attempts import Abandoned, Answered, Passage
from portico.stores.whom import Whom
from tests.ledger.entries import GEMINI, LIMITED, PRETEND, QWEN, attempt, entry

pytestmark = pytest.mark.anyio

type Opener = Callable[[], AbstractAsyncContextManager[LedgerStore]]

BACKENDS = ("sqlite", "postgres")

HOSTILE = ["'; DROP TABLE requests; --", "%", "_", '"', "a,b", "null", "", "Ж漢\u202e", "\ufffd"]
DAY = 86_400.0
NOON = 1_790_000_000.0 // DAY * DAY + DAY / 2


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one and the same ledger, again and again."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path / "ledger.db")
    url = request.getfixturevalue("database")
    return lambda: open_postgres(url)


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[LedgerStore]:
    async with opener() as opened:
        yield opened


def row(*attempts: object, **more: object) -> RequestRow:
    return row_of(entry(*attempts, **more))


async def by(store: LedgerStore, key: By, **window: float) -> dict[str | None, UsageRow]:
    return {found.key: found for found in await store.usage(UsageQuery(key, **window))}


async def test_a_request_comes_back_as_it_was_kept(store: LedgerStore) -> None:
    kept = row(
        attempt(QWEN, LIMITED),
        attempt(GEMINI, passage=Passage("sg1", "203.0.113.7", "SG", 12.5)),
        attempt(GEMINI, passage=Passage("us1")),
        task="title_generation",
        modalities=("text", "image"),
        decided_by="the picture",
        streamed=True,
        degraded="no thinking",
    )
    await store.append([kept])
    assert await store.request(kept.id) == kept


async def test_a_request_that_asked_nobody_is_kept_too(store: LedgerStore) -> None:
    kept = row(role=None, caller=None, outcome="refused", status=422)
    await store.append([kept])
    assert await store.request(kept.id) == kept


async def test_an_unknown_request_is_none(store: LedgerStore) -> None:
    assert await store.request("nobody") is None


async def test_appending_twice_is_appending_once(store: LedgerStore) -> None:
    first, second = row(attempt()), row(attempt(), attempt())
    await store.append([first])
    await store.append([first, second, second])
    assert len(await store.requests(RequestQuery())) == 2
    total = await by(store, By.ROLE)
    assert (total["design"].requests, total["design"].attempts) == (2, 3)


async def test_appending_nothing_is_fine(store: LedgerStore) -> None:
    await store.append([])
    assert await store.requests(RequestQuery()) == []


async def test_requests_come_newest_first_a_page_at_a_time_without_gaps(
    store: LedgerStore,
) -> None:
    kept = [row(attempt(), started=NOON + number // 2) for number in range(25)]
    await store.append(kept)
    seen: list[RequestRow] = []
    page = await store.requests(RequestQuery(limit=10))
    while page:
        seen += page
        page = await store.requests(RequestQuery(limit=10, before=page[-1].id))
    assert seen == sorted(kept, key=lambda row: (row.started, row.id), reverse=True)


async def test_a_page_before_an_unknown_request_is_empty(store: LedgerStore) -> None:
    await store.append([row()])
    assert await store.requests(RequestQuery(before="nobody")) == []


async def test_a_page_has_at_least_one_and_at_most_two_hundred(store: LedgerStore) -> None:
    await store.append([row() for _ in range(205)])
    assert len(await store.requests(RequestQuery(limit=10**9))) == 200
    assert len(await store.requests(RequestQuery(limit=-1))) == 1


async def test_every_filter_narrows_the_list(store: LedgerStore) -> None:
    wanted = row(
        attempt(QWEN),
        role="devops",
        caller="anna",
        outcome="broken",
        started=NOON,
    )
    others = [
        row(attempt(GEMINI), role="devops", caller="anna", outcome="broken", started=NOON),
        row(attempt(QWEN), role="code", caller="anna", outcome="broken", started=NOON),
        row(attempt(QWEN), role="devops", caller="bert", outcome="broken", started=NOON),
        row(attempt(QWEN), role="devops", caller="anna", outcome="failed", started=NOON),
        row(attempt(QWEN), role="devops", caller="anna", outcome="broken", started=NOON - 1),
        row(attempt(QWEN), role="devops", caller="anna", outcome="broken", started=NOON + 1),
    ]
    await store.append([wanted, *others])
    query = RequestQuery("devops", "qwen3-coder", "broken", "anna", since=NOON, until=NOON + 1)
    assert await store.requests(query) == [wanted]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (RequestQuery(task="tags"), ["task"]),
        (RequestQuery(task=""), ["picture", "limited", "poor", "pretend"]),
        (RequestQuery(modality="image"), ["picture"]),
        (RequestQuery(modality="imag"), []),
        (RequestQuery(kind="rate_limited"), ["limited"]),
        (RequestQuery(degraded=True), ["poor"]),
        (RequestQuery(degraded=False, simulated=False), ["task", "picture", "limited"]),
        (RequestQuery(simulated=True), ["pretend"]),
    ],
)
async def test_requests_are_found_by_what_they_carried_and_met(
    store: LedgerStore, query: RequestQuery, found: list[str]
) -> None:
    kept = [
        row(attempt(), id="task", task="tags"),
        row(attempt(), id="picture", modalities=("image", "text")),
        row(attempt(QWEN, LIMITED), attempt(), id="limited", modalities=("text",)),
        row(attempt(), id="poor", degraded="rescued-continued"),
        row(attempt(PRETEND), id="pretend"),
    ]
    await store.append(kept)
    assert {one.id for one in await store.requests(query)} == set(found)


async def test_whose_fault_it_was_is_asked_for_as_it_is_told(store: LedgerStore) -> None:
    kept = [
        row(outcome=outcome, status=status, role=role)
        for outcome in Ending
        for status in (None, 200, 400, 401, 413, 422, 429, 499, 500, 502, 503, 504)
        for role in (None, "design")
    ]
    await store.append(kept)
    for source in Source:
        found = await store.requests(RequestQuery(source=source, limit=200))
        told = {one.id for one in kept if source_of(one) is source}
        assert {one.id for one in found} == told != set()


async def test_requests_are_looked_for_among_some(store: LedgerStore) -> None:
    kept = [row(attempt(), id=name) for name in ("a", "b", "c'; --")]
    await store.append(kept)
    for among in (("a",), ("c'; --", "nobody", "b"), ()):
        query = RequestQuery(role=kept[0].role, among=among)
        assert {one.id for one in await store.requests(query)} == set(among) - {"nobody"}
        assert len(await store.requests(RequestQuery(among=among))) == len(set(among) - {"nobody"})


async def test_a_series_tells_what_each_target_did_span_by_span(store: LedgerStore) -> None:
    slow = attempt(started=0.0, first_delta=100.0)
    await store.append(
        [
            row(attempt(), started=NOON - 0.1),  # before
            row(attempt(QWEN, LIMITED), attempt(), started=NOON),
            row(slow, started=NOON + 9.9),
            row(attempt(QWEN, LIMITED), started=NOON + 10, outcome="failed", target=None),
            row(attempt(PRETEND), started=NOON + 19.9),
            row(attempt(), started=NOON + 20),  # after
        ]
    )
    found = await store.series(SeriesQuery(NOON, 10.0, 2))

    told = {(one.at, one.target): one for one in found}
    assert list(told) == [
        (0, "gemini-3-flash"),
        (0, "qwen3-coder"),
        (1, None),
        (1, "deepseek-v3"),
        (1, "qwen3-coder"),
    ]
    gemini = told[0, "gemini-3-flash"]
    assert (gemini.answered, gemini.failed, gemini.simulated) == (2, 0, 0)
    assert (gemini.input, gemini.output, gemini.cost_usd) == (2000, 400, "0.00184")
    assert gemini.waits == (*(0,) * 3, 1, *(0,) * 6, 1)  # 0.75 s, and over a minute
    assert len(gemini.waits) == len(STEPS) + 1
    assert told[0, "qwen3-coder"] == SeriesRow(at=0, target="qwen3-coder")
    assert (told[1, None].failed, told[1, None].answered) == (1, 0)
    pretend = told[1, "deepseek-v3"]
    assert (pretend.answered, pretend.simulated, sum(pretend.waits)) == (1, 1, 0)
    assert (pretend.input, pretend.cost_usd) == (0, None)


async def test_a_series_of_whole_hours_says_what_its_rows_say(store: LedgerStore) -> None:
    free = attempt(replace(GEMINI, price=None))
    at = [NOON - 1, NOON, NOON + 3599, NOON + 3600, NOON + 10_000, NOON + 14_400]
    rows = [row(attempt(QWEN, LIMITED), attempt(), started=one) for one in at]
    rows += [row(attempt(PRETEND), started=NOON + 5), row(free, started=NOON + 9_000)]
    await store.append(rows)
    hours = await store.series(SeriesQuery(NOON, 7200.0, 2))

    halves: dict[tuple[int, str | None], list[SeriesRow]] = {}
    for half in await store.series(SeriesQuery(NOON, 1800.0, 8)):
        halves.setdefault((half.at // 4, half.target), []).append(half)
    assert [(one.at, one.target) for one in hours] == sorted(halves)
    for one in hours:
        parts = halves[one.at, one.target]
        assert one.input == sum(part.input for part in parts)
        assert one.output == sum(part.output for part in parts)
        costs = [Decimal(part.cost_usd) for part in parts if part.cost_usd is not None]
        assert one.cost_usd == (str(sum(costs)) if costs else None)
    assert sum(one.input for one in hours) == 5_000  # five real answers of 1,000 within


async def test_whose_request_it_was_and_of_which_chat_is_kept_and_can_be_asked_for(
    store: LedgerStore,
) -> None:
    whose = {"person": "anna@lab.example", "team": "design", "chat": "c-1", "message": "m-1"}
    wanted = row(attempt(), **whose)
    await store.append([wanted, row(attempt()), row(attempt(), team="design")])
    assert await store.request(wanted.id) == wanted
    for name in ("person", "chat"):
        assert await store.requests(RequestQuery(**{name: whose[name]})) == [wanted]
    assert len(await store.requests(RequestQuery(team="design"))) == 2
    assert (await by(store, By.PERSON))["anna@lab.example"].requests == 1
    assert (await by(store, By.TEAM))["design"].requests == 2
    assert (await by(store, By.TEAM))[None].requests == 1


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_are_only_names(store: LedgerStore, text: str) -> None:
    hostile = row(attempt(), caller=text, role=text, task=text, outcome=text)
    await store.append([hostile, row(attempt())])
    query = RequestQuery(role=text, outcome=text, caller=text)
    assert await store.requests(query) == [hostile]
    assert (await by(store, By.CALLER))[text].requests == 1
    assert await store.request(text) is None


async def test_usage_by_target_adds_tokens_and_cost_of_its_attempts(store: LedgerStore) -> None:
    await store.append([row(attempt(QWEN, LIMITED), attempt(GEMINI)) for _ in range(3)])
    found = await by(store, By.TARGET)
    gemini, qwen = found["gemini-3-flash"], found["qwen3-coder"]
    assert (gemini.requests, gemini.attempts, gemini.input, gemini.cached) == (3, 3, 3000, 1200)
    assert (gemini.output, gemini.reasoning, gemini.cost_usd) == (600, 150, "0.00276")
    assert (qwen.requests, qwen.attempts, qwen.input, qwen.cost_usd) == (3, 3, 0, None)


async def test_usage_by_role_counts_a_request_once_however_many_were_asked(
    store: LedgerStore,
) -> None:
    await store.append([row(attempt(QWEN, LIMITED), attempt(GEMINI)), row(role=None)])
    found = await by(store, By.ROLE)
    assert (found["design"].requests, found["design"].attempts) == (1, 2)
    assert (found[None].requests, found[None].attempts, found[None].cost_usd) == (1, 0, None)


async def test_unknown_costs_are_counted_and_never_taken_for_zero(store: LedgerStore) -> None:
    await store.append(
        [
            row(attempt(QWEN)),  # no price
            row(attempt(GEMINI, Abandoned())),  # no usage
            row(attempt(GEMINI, LIMITED)),  # nothing was begun, nothing is owed
        ]
    )
    found = (await by(store, By.ROLE))["design"]
    assert (found.cost_usd, found.unpriced) == (None, 2)
    await store.append([row(attempt(GEMINI))])
    found = (await by(store, By.ROLE))["design"]
    assert (found.cost_usd, found.unpriced) == ("0.00092", 2)


async def test_a_cost_of_zero_is_known(store: LedgerStore) -> None:
    await store.append([row(attempt(GEMINI, Answered(Usage())))])
    found = (await by(store, By.TARGET))["gemini-3-flash"]
    assert (found.cost_usd, found.unpriced) == ("0", 0)


async def test_simulated_answers_are_counted_apart_and_cost_nothing(store: LedgerStore) -> None:
    await store.append([row(attempt(PRETEND)), row(attempt(GEMINI))])
    found = (await by(store, By.ROLE))["design"]
    assert (found.requests, found.attempts, found.simulated) == (2, 2, 1)
    assert (found.input, found.simulated_input) == (1000, 1000)
    assert (found.simulated_output, found.cost_usd, found.unpriced) == (200, "0.00092", 0)


async def test_days_are_utc_days_in_order(store: LedgerStore) -> None:
    midnight = NOON + DAY / 2
    await store.append([row(started=midnight), row(started=midnight - 0.001), row(started=NOON)])
    found = await store.usage(UsageQuery(By.DAY))
    assert [(day.key, day.requests) for day in found] == [("2026-09-21", 2), ("2026-09-22", 1)]


async def test_usage_looks_only_at_its_window(store: LedgerStore) -> None:
    await store.append([row(attempt(), started=NOON + hour) for hour in range(5)])
    found = await by(store, By.UPSTREAM, since=NOON + 1, until=NOON + 3)
    assert found["google"].requests == 2


async def test_the_most_requested_key_comes_first(store: LedgerStore) -> None:
    await store.append([row(caller="b"), row(caller="a"), row(caller="c"), row(caller="c")])
    found = await store.usage(UsageQuery(By.CALLER))
    assert [usage.key for usage in found] == ["c", "a", "b"]


async def test_usage_by_task_tells_background_work_from_the_rest(store: LedgerStore) -> None:
    await store.append([row(attempt(), task="title_generation"), row(attempt())])
    assert set(await by(store, By.TASK)) == {None, "title_generation"}


async def test_five_hundred_requests_fit_one_append(store: LedgerStore) -> None:
    await store.append([row(attempt(), attempt()) for _ in range(500)])
    assert (await by(store, By.TARGET))["gemini-3-flash"].attempts == 1000


async def test_usage_is_the_same_whether_added_up_by_the_hour_or_row_by_row(
    store: LedgerStore,
) -> None:
    rows = [
        row(attempt(GEMINI), started=NOON + minutes * 60, caller=f"key-{minutes % 3}")
        for minutes in range(0, 300, 7)
    ]
    await store.append(rows)
    marks = (None, NOON, NOON + 1, NOON + 3599.5, NOON + 3600, NOON + 5000, NOON + 12_345.25)
    for since in marks:
        for until in marks:
            inside = [one for one in rows if (since or 0) <= one.started < (until or 1e12)]
            for by_what in (By.CALLER, By.TARGET, By.DAY):
                found = await store.usage(UsageQuery(by_what, since, until))
                assert sum(usage.requests for usage in found) == len(inside), (since, until)
                assert sum(usage.input for usage in found) == 1000 * len(inside)


async def test_many_processes_that_replay_the_same_batch_count_it_once(opener: Opener) -> None:
    batch = [row(attempt(GEMINI), attempt(QWEN, LIMITED)) for _ in range(40)]

    async def replay() -> None:
        async with opener() as store:
            for _ in range(3):
                await store.append(batch)

    await asyncio.gather(*(replay() for _ in range(4)))
    async with opener() as store:
        found = await by(store, By.TARGET)
        assert found["gemini-3-flash"].requests == found["gemini-3-flash"].attempts == 40
        caller = (await by(store, By.CALLER))["key-1"]
        assert (caller.requests, caller.attempts) == (40, 80)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_filters_find_nothing_and_change_nothing(
    store: LedgerStore, text: str
) -> None:
    kept = row(attempt(), person="anna", team="red", chat="c1", modalities=("text",))
    await store.append([kept])
    for name in ("role", "target", "outcome", "caller", "modality", "kind", "person", "team"):
        assert await store.requests(RequestQuery(**{name: text})) == []
    assert await store.requests(RequestQuery(chat=text)) == []
    assert await store.requests(RequestQuery(before=text)) == []
    assert await store.requests(RequestQuery()) == [kept]


ANNA = Whom(frozenset({"anna@lab", "Anna@lab"}), frozenset({"key_anna"}))


def of_anna() -> list[RequestRow]:
    """By herself, by her key without a word of whom, and through a front end."""
    ways: list[dict[str, object]] = [
        {"person": "anna@lab", "caller": "key_anna"},
        {"person": None, "caller": "key_anna"},
        {"person": "Anna@lab", "caller": "key_webui"},
    ]
    return [row(attempt(GEMINI), attempt(PRETEND), started=NOON, **way) for way in ways]


def of_others() -> list[RequestRow]:
    ways = [{"person": "bert", "caller": "key_webui"}, {"person": "bert", "caller": "key_anna"}]
    return [row(attempt(QWEN), started=NOON, **way) for way in [*ways, {"caller": None}]]


async def test_somebody_forgotten_leaves_sums_that_are_nobodys(store: LedgerStore) -> None:
    theirs, others = of_anna(), of_others()
    await store.append([*theirs, *others])
    before = {key: await by(store, key) for key in By}
    assert sorted(await store.requests_of(ANNA)) == sorted(one.id for one in theirs)
    assert await store.forget(ANNA) == 3
    assert await store.forget(ANNA) == 0
    assert await store.requests_of(ANNA) == []
    left = await store.requests(RequestQuery())
    assert {one.id for one in left} == {one.id for one in others}
    assert {one.caller for one in left} == {"key_webui", None}, "their key is named nowhere"
    after = {key: await by(store, key) for key in By}
    for key in set(By) - {By.PERSON, By.CALLER}:
        assert after[key] == before[key], "what was spent was spent"
    assert after[By.PERSON].keys() == {"bert", None}
    assert after[By.CALLER].keys() == {"key_webui", None}
    nobody = after[By.PERSON][None]
    assert (nobody.requests, nobody.attempts, nobody.simulated) == (4, 7, 3)
    assert after[By.PERSON]["bert"] == before[By.PERSON]["bert"]
    assert after[By.CALLER][None].requests == 4


async def test_nobody_of_that_name_takes_nothing_away(store: LedgerStore) -> None:
    rows = [*of_anna(), *of_others()]
    await store.append(rows)
    for name in HOSTILE:
        assert await store.forget(Whom(frozenset({name}), frozenset({name}))) == 0
    assert await store.forget(Whom(frozenset())) == 0
    assert len(await store.requests(RequestQuery())) == len(rows)


def held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_nothing_of_what_was_forgotten_is_left_in_the_file(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "ledger.db") as ledger, open_sqlite(tmp_path / "ledger.db"):
        await ledger.append([*of_anna(), *of_others()])
        await ledger.forget(ANNA)
        left = held(tmp_path)
    assert b"anna" not in left.lower()
    assert b"bert" in left
