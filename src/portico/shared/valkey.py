"""The hub of several gateways: a Valkey or a Redis, where one script counts for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from portico.errors import StoreUnavailable
from portico.shared.base import Batch, Hear, Reply, Say

PREFIX = "portico:"
CONNECTING = 0.2
"""Seconds to connect."""

AT_ONCE = 4
"""Connections for what is kept for all; who needs one more waits for it."""

AGAIN = 0.5
"""Seconds between attempts to listen."""

SILENT = 15
"""Seconds after which a connection that only listens is asked whether it lives."""

_encode = msgspec.json.Encoder().encode
_replies = msgspec.json.Decoder(Reply)
_news = msgspec.json.Decoder(tuple[str, Say])


class ValkeyHub:
    """
    Connections to *url*: one that asks, one that listens, a few for what is kept for all.

    The script needs all keys in one place: a single server (with replicas), not a cluster.
    """

    def __init__(self, url: str) -> None:
        scheme, mark, place = url.partition("://")
        self._url = scheme.replace("valkey", "redis") + mark + place  # all that the client knows
        self._asking, self._keeping = self._client(), self._client(AT_ONCE)
        script = files(__package__).joinpath("counting.lua").read_text()
        self._script = self._asking.register_script(script)
        self._who = ""
        database = self._asking.connection_pool.connection_kwargs.get("db", 0)
        self._news = f"{PREFIX}news:{database}"  # channels are those of all databases

    def _client(self, connections: int = 1) -> "Redis":
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=connections,
            socket_connect_timeout=CONNECTING,
            health_check_interval=SILENT,
            retry=Retry(NoBackoff(), 0),
        )
        return Redis.from_pool(pool)

    async def swap(self, batch: Batch) -> Reply:
        """See `Hub`."""
        self._who = batch.who
        try:
            told = await self._script(args=(_encode(batch), PREFIX, self._news))
        except (RedisError, OSError) as exc:
            raise StoreUnavailable(f"Valkey: {type(exc).__name__}") from exc
        return _replies.decode(told)

    async def put(self, name: str, value: bytes | None, seconds: float) -> None:
        """See `Hub`; where memory is short, the server says so, and keeps what it has."""
        key = f"{PREFIX}kept:{name}"
        try:
            if value is None:
                await self._keeping.delete(key)
            else:
                await self._keeping.set(key, value, px=max(1, int(seconds * 1000)))
        except (RedisError, OSError) as exc:
            raise StoreUnavailable(f"Valkey: {type(exc).__name__}") from exc

    async def get(self, name: str) -> bytes | None:
        """See `Hub`."""
        try:
            found = await self._keeping.get(f"{PREFIX}kept:{name}")
        except (RedisError, OSError) as exc:
            raise StoreUnavailable(f"Valkey: {type(exc).__name__}") from exc
        return found if isinstance(found, bytes) else None

    @asynccontextmanager
    async def listening(self, hear: Hear, missed: Callable[[], None]) -> AsyncIterator[None]:
        """See `Hub`."""
        ready = asyncio.Event()
        task = asyncio.create_task(self._listen(hear, missed, ready), name="valkey listener")
        try:
            async with asyncio.timeout(2 * CONNECTING):
                await ready.wait()
        except TimeoutError:
            pass  # it is tried again
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=1)
            await self._asking.aclose()
            await self._keeping.aclose()

    async def _listen(self, hear: Hear, missed: Callable[[], None], ready: asyncio.Event) -> None:
        while True:
            try:
                async with self._client() as client, client.pubsub() as news:
                    await news.subscribe(self._news)
                    await news.get_message(timeout=CONNECTING)
                    ready.set()
                    missed()
                    await self._follow(news, hear)
            except (RedisError, OSError, ValueError):
                await asyncio.sleep(AGAIN)

    async def _follow(self, news: "PubSub", hear: Hear) -> None:
        while True:
            message = await news.get_message(ignore_subscribe_messages=True, timeout=SILENT)
            if message is None:
                await news.ping()
                continue
            if isinstance(data := message["data"], bytes) and message["type"] == "message":
                who, say = _news.decode(data)
                if who != self._who:
                    hear(say.key, say.value)
