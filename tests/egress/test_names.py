from ipaddress import ip_address

import pytest

from portico.egress.names import SystemNames

pytestmark = pytest.mark.anyio


async def test_the_system_says_where_a_host_is() -> None:
    names = SystemNames()
    try:
        assert all(address.is_loopback for address in await names("localhost", 80))
        assert await names("127.0.0.1", 80) == [ip_address("127.0.0.1")]
    finally:
        names.close()


async def test_a_closed_one_answers_nobody() -> None:
    names = SystemNames()
    names.close()
    with pytest.raises(RuntimeError):
        await names("localhost", 80)
