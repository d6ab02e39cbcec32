"""
What stands in for MongoDB in tests: its wire protocol over real sockets, mongomock behind it.

No package index has a server of MongoDB's. So the driver is real, and so are its frames, batches,
cursors and write errors; what a query means is mongomock's idea of it. With `PORTICO_TEST_MONGODB`
set to a real server's URL the tests use that instead.

    python -m scripts.services up mongodb
"""

import argparse
import asyncio
import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import bson
from scripts.services.base import Unavailable

VARIABLE = "PORTICO_TEST_MONGODB"
MODULE = "scripts.services.mongo"
ROOT = Path(__file__).resolve().parents[2]
_TOLD = "serving.json"
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_CHECKSUM, _MORE_TO_COME = 1, 2

type Document = dict[str, Any]


def install() -> None:
    """Nothing: what it needs is among the development dependencies."""


def up(folder: Path) -> dict[str, str]:
    """
    Serve, and return the environment for tests; what serves from *folder* already goes on.

    Raises:
        Unavailable: it did not start.
    """
    with suppress(OSError, ValueError, KeyError):
        told = json.loads((folder / _TOLD).read_text())
        os.kill(told["pid"], 0)
        return {VARIABLE: told["url"]}
    folder.mkdir(parents=True, exist_ok=True)
    server, url = launched()
    server.returncode = 0  # it outlives us, and nobody here waits for it
    (folder / _TOLD).write_text(json.dumps({"pid": server.pid, "url": url}))
    return {VARIABLE: url}


def launched() -> tuple[subprocess.Popen[str], str]:
    """
    Return the server, which is the caller's to end, and its URL.

    Raises:
        Unavailable: it did not start.
    """
    command = (sys.executable, "-m", MODULE)
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        line = server.stdout.readline()  # empty once it has ended
    if not line.startswith("mongodb://"):
        server.kill()
        server.wait()
        raise Unavailable("the stand-in for MongoDB did not start: is mongomock installed?")
    return server, line.strip()


def down(folder: Path) -> None:
    """End what `up` started from *folder*, and only that."""
    with suppress(OSError, ValueError, KeyError):
        pid = int(json.loads((folder / _TOLD).read_text())["pid"])
        if MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


class Refused(Exception):
    """A command's error, as a server writes it."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.told = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


class Engine:
    """Commands on mongomock; one engine for all connections."""

    def __init__(self) -> None:
        import mongomock

        self._client = mongomock.MongoClient(tz_aware=True)
        self._duplicate = mongomock.DuplicateKeyError
        self._cursors: dict[int, tuple[str, list[Document]]] = {}
        self._ids = itertools.count(1000)
        self._commands: dict[str, Callable[[Document], Document]] = {
            "hello": self._hello,
            "ismaster": self._hello,
            "ping": lambda _: {"ok": 1.0},
            "saslstart": self._unknown_user,
            "endsessions": lambda _: {"ok": 1.0},
            "killcursors": self._kill,
            "buildinfo": lambda _: {"version": "7.0.0", "versionArray": [7, 0, 0, 0], "ok": 1.0},
            "find": self._find,
            "getmore": self._more,
            "insert": self._insert,
            "update": self._update,
            "delete": self._delete,
            "aggregate": self._aggregate,
            "createindexes": self._create_indexes,
            "listindexes": self._list_indexes,
            "listcollections": self._list_collections,
            "drop": self._drop,
            "dropdatabase": self._drop_database,
            "configurefailpoint": self._fail_point,
        }
        self._failing: Document = {}

    def run(self, message: Document) -> Document:
        """Do one command; whatever goes wrong is an answer."""
        name = next(iter(message))
        try:
            command = self._commands.get(name.lower())
            if command is None:
                raise Refused(59, "CommandNotFound", f"no such command: '{name}'")
            if name in self._failing.get("failCommands", ()):
                raise Refused(self._failing["errorCode"], "FailPoint", "Failing command")
            return command(message)
        except Refused as refused:
            return refused.told
        except Exception as exc:  # the edge to the wire: a server answers anyway
            return {"ok": 0.0, "code": 8000, "codeName": type(exc).__name__, "errmsg": str(exc)}

    def _hello(self, _: Document) -> Document:
        return {
            "helloOk": True,
            "ismaster": True,
            "isWritablePrimary": True,
            "maxBsonObjectSize": 16 * 1024 * 1024,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "logicalSessionTimeoutMinutes": 30,
            "readOnly": False,
            "ok": 1.0,
        }

    def _unknown_user(self, _: Document) -> Document:
        """It has no users: whoever says that they are one is told what a server tells them."""
        raise Refused(18, "AuthenticationFailed", "Authentication failed.")

    def _fail_point(self, message: Document) -> Document:
        """Refuse some commands, as `failCommand` of a server under test does."""
        self._failing = {} if message["mode"] == "off" else message["data"]
        return {"ok": 1.0}

    def _collection(self, message: Document, key: str | None = None) -> Any:
        name = message[key or next(iter(message))]
        return self._client[message["$db"]][name]

    def _batch(
        self, ns: str, found: Iterable[Document], size: int | None, kind: str = "firstBatch"
    ) -> Document:
        documents = list(found)
        count = 101 if size is None else size
        now, rest = documents[:count], documents[count:]
        ident = 0
        if rest:
            ident = next(self._ids)
            self._cursors[ident] = (ns, rest)
        return {"cursor": {"id": _long(ident), "ns": ns, kind: now}, "ok": 1.0}

    def _find(self, message: Document) -> Document:
        cursor = self._collection(message).find(
            message.get("filter") or {}, message.get("projection") or None
        )
        if message.get("sort"):
            cursor = cursor.sort(list(message["sort"].items()))
        if message.get("skip"):
            cursor = cursor.skip(message["skip"])
        if message.get("limit"):
            cursor = cursor.limit(abs(message["limit"]))
        found = list(cursor)
        size = len(found) if message.get("singleBatch") else message.get("batchSize")
        return self._batch(f"{message['$db']}.{message['find']}", found, size)

    def _more(self, message: Document) -> Document:
        if message["getMore"] not in self._cursors:
            raise Refused(43, "CursorNotFound", "cursor id not found")
        ns, rest = self._cursors.pop(message["getMore"])
        return self._batch(ns, rest, message.get("batchSize") or len(rest), "nextBatch")

    def _kill(self, message: Document) -> Document:
        for ident in message.get("cursors", ()):
            self._cursors.pop(ident, None)
        return {"ok": 1.0, "cursorsKilled": message.get("cursors", [])}

    def _insert(self, message: Document) -> Document:
        collection, count, errors = self._collection(message), 0, []
        for index, document in enumerate(message["documents"]):
            try:
                collection.insert_one(document)
                count += 1
            except self._duplicate as exc:
                errors.append({"index": index, "code": 11000, "errmsg": f"E11000 {exc}"})
                if message.get("ordered", True):
                    break
        told: Document = {"n": count, "ok": 1.0}
        return {**told, "writeErrors": errors} if errors else told

    def _update(self, message: Document) -> Document:
        collection, matched, modified = self._collection(message), 0, 0
        for one in message["updates"]:
            change = collection.update_many if one.get("multi") else collection.update_one
            done = change(one["q"], one["u"], upsert=one.get("upsert", False))
            matched += done.matched_count
            modified += done.modified_count
        return {"n": matched, "nModified": modified, "ok": 1.0}

    def _delete(self, message: Document) -> Document:
        collection, count = self._collection(message), 0
        for one in message["deletes"]:
            every = one.get("limit", 0) == 0
            go = collection.delete_many if every else collection.delete_one
            count += go(one["q"]).deleted_count
        return {"n": count, "ok": 1.0}

    def _aggregate(self, message: Document) -> Document:
        size = (message.get("cursor") or {}).get("batchSize")
        found = self._collection(message).aggregate(message["pipeline"])
        return self._batch(f"{message['$db']}.{message['aggregate']}", found, size)

    def _create_indexes(self, message: Document) -> Document:
        told = ("name", "unique", "sparse", "expireAfterSeconds")
        for index in message["indexes"]:
            more = {name: index[name] for name in told if name in index}
            self._collection(message).create_index(list(index["key"].items()), **more)
        return {"ok": 1.0}

    def _list_indexes(self, message: Document) -> Document:
        known = self._collection(message).index_information()
        found = [
            {"v": 2, "name": name, "key": dict(one["key"]), **_kept(one)}
            for name, one in known.items()
        ]
        return self._batch(f"{message['$db']}.{message['listIndexes']}", found, None)

    def _list_collections(self, message: Document) -> Document:
        names = self._client[message["$db"]].list_collection_names()
        found = [{"name": name, "type": "collection", "options": {}, "info": {}} for name in names]
        return self._batch(f"{message['$db']}.$cmd.listCollections", found, None)

    def _drop(self, message: Document) -> Document:
        self._client[message["$db"]].drop_collection(message["drop"])
        return {"ok": 1.0}

    def _drop_database(self, message: Document) -> Document:
        self._client.drop_database(message["$db"])
        return {"ok": 1.0}


def _kept(index: Mapping[str, Any]) -> Document:
    return {key: index[key] for key in ("unique", "sparse", "expireAfterSeconds") if key in index}


def _long(number: int) -> Any:
    return bson.Int64(number)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, engine: Engine) -> None:
    """Answer one connection's messages in turn, until it goes."""
    try:
        while True:
            length, ident, _, kind = struct.unpack("<iiii", await reader.readexactly(16))
            body = await reader.readexactly(length - 16)
            answer = _answer(kind, body, engine)
            if answer is not None:
                op, told = answer
                writer.write(struct.pack("<iiii", 16 + len(told), 1, ident, op) + told)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _answer(kind: int, body: bytes, engine: Engine) -> tuple[int, bytes] | None:
    if kind == _OP_QUERY:  # the handshake of older drivers
        at = body.index(b"\0", 4) + 9
        size = struct.unpack_from("<i", body, at)[0]
        told = engine.run(bson.decode(body[at : at + size]))
        return _OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(told)
    flags, message = _read(body)
    told = engine.run(message)
    if flags & _MORE_TO_COME:
        return None
    return _OP_MSG, struct.pack("<I", 0) + b"\0" + bson.encode(told)


def _read(body: bytes) -> tuple[int, Document]:
    """Return the flags and the command of an OP_MSG, with its sequences of documents in it."""
    flags = struct.unpack_from("<I", body)[0]
    end = len(body) - (4 if flags & _CHECKSUM else 0)
    at, message, sequences = 4, {}, {}
    while at < end:
        kind, size = body[at], struct.unpack_from("<i", body, at + 1)[0]
        section = body[at + 1 : at + 1 + size]
        if kind == 0:
            message = bson.decode(section)
        else:
            name_ends = section.index(b"\0", 4)
            name = section[4:name_ends].decode()
            sequences[name] = bson.decode_all(section[name_ends + 1 :])
        at += 1 + size
    return flags, {**message, **sequences}


async def main(port: int) -> None:
    """Serve on *port* (0: any free one), and say where."""
    engine = Engine()
    server = await asyncio.start_server(lambda r, w: serve(r, w, engine), "127.0.0.1", port)
    print(f"mongodb://127.0.0.1:{server.sockets[0].getsockname()[1]}/portico", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    told = argparse.ArgumentParser(prog="python -m scripts.services.mongo")
    told.add_argument("--port", type=int, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(main(told.parse_args().port))
