"""The hub of several gateways: a Valkey or a Redis, where one script counts for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from portico.errors import StoreUnavailable
from portico.shared.base import Batch, Hear, Reply, Say

PREFIX = "portico:"
CONNECTING = 0.2
"""Seconds to connect."""

AGAIN = 0.5
"""Seconds between attempts to listen."""

SILENT = 15
"""Seconds after which a connection that only listens is asked whether it lives."""

_encode = msgspec.json.Encoder().encode
_replies = msgspec.json.Decoder(Reply)
_news = msgspec.json.Decoder(tuple[str, Say])


class ValkeyHub:
    """
    Two connections to *url*: one that asks, one that listens.

    The script needs all keys in one place: a single server (with replicas), not a cluster.
    """

    def __init__(self, url: str) -> None:
        scheme, mark, place = url.partition("://")
        self._url = scheme.replace("valkey", "redis") + mark + place  # all that the client knows
        self._asking = self._client()
        script = files(__package__).joinpath("counting.lua").read_text()
        self._script = self._asking.register_script(script)
        self._who = ""
        database = self._asking.connection_pool.connection_kwargs.get("db", 0)
        self._news = f"{PREFIX}news:{database}"  # channels are those of all databases

    def _client(self) -> "Redis":
        return Redis.from_url(
            self._url,
            max_connections=1,
            socket_connect_timeout=CONNECTING,
            health_check_interval=SILENT,
            retry=Retry(NoBackoff(), 0),
        )

    async def swap(self, batch: Batch) -> Reply:
        """See `Hub`."""
        self._who = batch.who
        try:
            told = await self._script(args=(_encode(batch), PREFIX, self._news))
        except (RedisError, OSError) as exc:
            raise StoreUnavailable(f"Valkey: {type(exc).__name__}") from exc
        return _replies.decode(told)

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
