"""TraceStore in MongoDB, through pymongo's client for asyncio: the only door to that driver."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pymongo
from msgspec import Raw
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.stores.guard import Guard
from portico.stores.whom import Whom
from portico.traces.base import EQUAL, PRESENT, Card, Trace, TraceQuery

DATABASE = "portico"
"""Where the traces are if the URL does not say."""

COLLECTION = "traces"
PATIENCE = 3.0
"""Seconds that one operation may take, finding the server included; the recorder waits longer."""

POOL = 4
"""Connections at most: one writer, and people who read."""

DUPLICATE = 11000

PAGE = 50
"""Traces that an export reads at once."""

INDEXES = (
    pymongo.IndexModel([("started", -1), ("_id", -1)], name="started"),
    pymongo.IndexModel([("person", 1), ("started", -1)], name="person", sparse=True),
    pymongo.IndexModel([("chat", 1), ("started", -1)], name="chat", sparse=True),
    pymongo.IndexModel([("thumb", 1), ("started", -1)], name="thumb", sparse=True),
    # a date per document: MongoDB deletes what is past it, about once a minute
    pymongo.IndexModel([("expire_at", 1)], name="expire_at", expireAfterSeconds=0),
)

TOLD = {
    13: "our user has no rights there: grant it readWrite on the database",
    18: "it does not accept our user or password: mend the address",
    14031: "its disk is full",
}
"""What codes of its errors mean to an operator (MongoDB's error_codes.yml)."""

type Document = dict[str, Any]


@asynccontextmanager
async def open_mongo(
    url: str, clock: Callable[[], float] = time.time, patience: float = PATIENCE
) -> AsyncIterator["MongoTraces"]:
    """
    Open the traces behind `mongodb://…`; the server may be away, and is asked when it is needed.

    Raises:
        ConfigError: the URL cannot be read.
    """
    logging.getLogger("pymongo").setLevel(logging.CRITICAL)  # at debug it logs commands
    limit = int(patience * 800)  # ms: it gives up before our own deadline, for it knows why
    try:
        client: pymongo.AsyncMongoClient[Document] = pymongo.AsyncMongoClient(
            url,
            appname="portico",
            serverSelectionTimeoutMS=limit,
            connectTimeoutMS=limit,
            socketTimeoutMS=limit,
            waitQueueTimeoutMS=limit,
            timeoutMS=limit,
            maxPoolSize=POOL,
            tz_aware=True,
        )
    except (InvalidURI, ConfigurationError, ValueError) as exc:
        raise ConfigError((_unread(type(exc).__name__),)) from None
    async with client:
        database = client.get_default_database(DATABASE)
        yield MongoTraces(database.get_collection(COLLECTION), clock, patience)


def _unread(why: str) -> Problem:
    return Problem(
        f"the address of MongoDB cannot be read ({why})",
        key="stores.traces",
        remedy="write mongodb://user:password@host:27017/portico, with %40 for an @ in a password",
    )


class MongoTraces:
    """TraceStore on one collection; a document is a card, its story as text, and `expire_at`."""

    def __init__(
        self,
        collection: AsyncCollection[Document],
        clock: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        self.guard = Guard("the traces")
        self._collection = collection
        self._clock = clock
        self._patience = patience
        self._indexed = False

    async def look(self) -> None:
        """Find out whether the server answers us, and change nothing; raises StoreUnavailable."""
        await self._do(lambda: self._collection.find_one({"_id": ""}, {"_id": 1}))

    async def append(self, traces: Sequence[Trace]) -> None:
        """See TraceStore."""
        if traces:
            await self._do(lambda: self._insert(list(map(_document, traces))))

    async def find(self, ident: str) -> Trace | None:
        """See TraceStore."""
        found = await self._do(lambda: self._collection.find_one({"_id": ident, **self._live()}))
        return _trace(found) if found else None

    async def cards(self, query: TraceQuery) -> list[Card]:
        """See TraceStore."""
        return await self._do(lambda: self._page(query))

    async def mark(self, card: Card) -> bool:
        """See TraceStore."""
        told: Document = {"life": card.life.value, "flags": list(card.flags)}
        told |= {"thumb": card.thumb and card.thumb.value, "thumb_why": card.thumb_why}
        told["thumbed"] = card.thumbed
        change: Document = {"$set": told | _expiry(card)}
        if card.expires is None:
            change["$unset"] = {"expire_at": ""}
        late: Document = {"$not": {"$gt": card.thumbed or 0}}  # true where there is none, too
        which = {"_id": card.id, "thumbed": late, **self._live()}
        done = await self._do(lambda: self._collection.update_one(which, change))
        return done.matched_count > 0

    async def sweep(self, *, dry_run: bool = False) -> int:
        """See TraceStore; MongoDB does the same by itself, about once a minute."""
        return await self._gone({"expires": {"$lte": self._clock()}}, dry_run)

    async def forget(self, whom: Whom, *, dry_run: bool = False) -> int:
        """See TraceStore."""
        named: Document = {"person": {"$in": sorted(whom.people)}}
        owned: Document = {"person": None, "caller": {"$in": sorted(whom.keys)}}
        return await self._gone({"$or": [named, owned]}, dry_run)

    async def export(self) -> AsyncIterator[Trace]:
        """See TraceStore."""
        last = ""
        while page := await self._do(partial(self._after, last)):
            for one in page:
                yield _trace(one)
            last = page[-1]["_id"]

    async def _do[T](self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what *work* returns, within bounds, and not at all while the server is away."""

        async def once() -> T:
            with _answering():
                return await work()

        return await self.guard.call(once, self._patience)

    async def _insert(self, documents: list[Document]) -> None:
        """Insert all that are not there yet; the indexes are made once a process."""
        if not self._indexed:
            await self._collection.create_indexes(list(INDEXES))
            self._indexed = True
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as exc:
            errors = exc.details.get("writeErrors", [])
            if any(one.get("code") != DUPLICATE for one in errors) or not errors:
                raise

    async def _page(self, query: TraceQuery) -> list[Card]:
        wanted = {**_filter(query), **self._live()}
        if query.before is not None:
            which = {"_id": query.before, **self._live()}
            last = await self._collection.find_one(which, {"started": 1})
            if last is None:
                return []
            wanted = {"$and": [wanted, _before(last)]}
        found = self._collection.find(wanted, {"story": 0})
        page = found.sort([("started", -1), ("_id", -1)]).limit(query.most)
        return [_card(one) async for one in page]

    async def _after(self, ident: str) -> list[Document]:
        wanted = {"_id": {"$gt": ident}, **self._live()}
        return await self._collection.find(wanted).sort("_id", 1).limit(PAGE).to_list()

    async def _gone(self, which: Document, dry_run: bool) -> int:
        if dry_run:
            return await self._do(lambda: self._collection.count_documents(which))
        gone = await self._do(lambda: self._collection.delete_many(which))
        return gone.deleted_count

    def _live(self) -> Document:
        return {"$or": [{"expires": None}, {"expires": {"$gt": self._clock()}}]}


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the driver raises, whose words may hold what it was given, into a name."""
    try:
        yield
    except ServerSelectionTimeoutError as exc:
        told = "MongoDB cannot be reached: is it running, and is the address right?"
        raise StoreUnavailable(told, retry_after=PATIENCE) from exc
    except (PyMongoError, OSError) as exc:
        code = exc.code if isinstance(exc, OperationFailure) else None
        told = f"MongoDB did not take it: {TOLD.get(code or 0, type(exc).__name__)}"
        raise StoreUnavailable(told, retry_after=PATIENCE) from exc


def _document(trace: Trace) -> Document:
    told: Document = msgspec.to_builtins(trace.card)
    told = {name: value for name, value in told.items() if value is not None}
    told["_id"] = told.pop("id")
    return {**told, **_expiry(trace.card), "story": bytes(trace.story).decode()}


def _expiry(card: Card) -> Document:
    """`expires` is what reads go by, exact; `expire_at` is what MongoDB deletes by."""
    if card.expires is None:
        return {"expires": None}
    return {"expires": card.expires, "expire_at": datetime.fromtimestamp(card.expires, UTC)}


def _card(found: Mapping[str, Any]) -> Card:
    told = {name: value for name, value in found.items() if name not in ("_id", "expire_at")}
    return msgspec.convert({**told, "id": found["_id"]}, Card)


def _trace(found: Mapping[str, Any]) -> Trace:
    return Trace(_card(found), Raw(str(found["story"]).encode()))


def _filter(query: TraceQuery) -> Document:
    given = {name: getattr(query, name) for name in EQUAL}
    wanted: Document = {name: value for name, value in given.items() if value is not None}
    if query.modality is not None:
        wanted["modalities"] = query.modality
    for name in PRESENT:
        asked = getattr(query, name)
        if asked is not None:
            wanted[name] = {"$ne": None} if asked else None
    started = {"$gte": query.since, "$lt": query.until}
    if within := {sign: value for sign, value in started.items() if value is not None}:
        wanted["started"] = within
    return wanted


def _before(last: Mapping[str, Any]) -> Document:
    started = last["started"]
    same = {"started": started, "_id": {"$lt": last["_id"]}}
    return {"$or": [{"started": {"$lt": started}}, same]}
