"""Orders are kept, obeyed by every process that shares the file, and never half written."""

import asyncio
from pathlib import Path

import pytest

from portico.dispatch.orders import Order, Orders, Page, open_orders
from portico.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

ORDER = Order(1.0, "key_a", "too dear")


async def until(orders: Orders, page: Page) -> None:
    async with asyncio.timeout(30):
        while orders.page != page:  # noqa: ASYNC110 - another process's file has no event
            await asyncio.sleep(0.02)


async def test_an_order_is_obeyed_at_once_and_after_a_restart(tmp_path: Path) -> None:
    heard: list[Page] = []
    async with open_orders(tmp_path / "orders.json", heard.append) as orders:
        assert await orders.park("a", ORDER)
        assert await orders.switch("b", ORDER)
    page = Page({"a": ORDER}, {"b": ORDER})
    assert heard == [Page({"a": ORDER}), page]
    async with open_orders(tmp_path / "orders.json", heard.append) as orders:
        assert orders.page == page
        assert heard[-1] == page
        assert await orders.park("a", None)
        assert not await orders.park("a", None)
        assert await orders.switch("b", None)
    assert heard[-1] == Page()


async def test_another_process_obeys_soon(tmp_path: Path) -> None:
    heard: list[Page] = []
    file = tmp_path / "orders.json"
    async with open_orders(file, heard.append) as one, open_orders(file, heard.append) as other:
        await one.park("a", ORDER)
        await other.park("b", ORDER)
        both = Page({"a": ORDER, "b": ORDER})
        await until(one, both)
        await until(other, both)


async def test_a_damaged_file_changes_no_order(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    async with open_orders(file, lambda page: None) as orders:
        await orders.park("a", ORDER)
        await asyncio.to_thread(file.write_text, "{")
        await orders.look()
        assert orders.parked == {"a": ORDER}
        await orders.park("b", ORDER)
    assert b'"a"' in await asyncio.to_thread(file.read_bytes)


async def test_an_order_that_cannot_be_kept_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file")
    heard: list[Page] = []
    async with open_orders(tmp_path / "no" / "orders.json", heard.append) as orders:
        with pytest.raises(StoreUnavailable, match=r"orders\.json"):
            await orders.park("a", ORDER)
        assert orders.parked == {}
    assert heard == []
