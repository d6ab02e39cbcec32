"""
Qdrant's REST for the calls that we make, over its client's own local mode.

Bodies are read, and answers made, as the client's own models say: a call that the real server
could not read is refused here too. What queries mean is local mode's.
"""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import TypeAdapter, ValidationError
from qdrant_client import AsyncQdrantClient, models
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import served


def local_client() -> AsyncQdrantClient:
    """Return the client in local mode, in memory."""
    return AsyncQdrantClient(location=":memory:")


def _told(result: Any) -> Response:
    plain = TypeAdapter(Any).dump_python(result, mode="json")
    return JSONResponse({"result": plain, "status": "ok", "time": 0.0001})


class Rest:
    """The routes."""

    def __init__(self) -> None:
        self.client = local_client()
        self.routes = [
            Route("/collections", self.listed),
            Route("/collections/{name}", self.created, methods=["PUT"]),
            Route("/collections/{name}", self.dropped, methods=["DELETE"]),
            Route("/collections/{name}/exists", self.exists),
            Route("/collections/{name}/index", self.indexed, methods=["PUT"]),
            Route("/collections/{name}/points", self.upserted, methods=["PUT"]),
            Route("/collections/{name}/points/query", self.queried, methods=["POST"]),
            Route("/collections/{name}/points/scroll", self.scrolled, methods=["POST"]),
            Route("/collections/{name}/points/count", self.counted, methods=["POST"]),
            Route("/collections/{name}/points/delete", self.deleted, methods=["POST"]),
            Route("/collections/{name}/points/payload", self.payload, methods=["POST"]),
        ]

    async def _read[T](self, request: Request, kind: type[T]) -> T:
        return TypeAdapter(kind).validate_json(await request.body())

    async def listed(self, request: Request) -> Response:
        return _told(await self.client.get_collections())

    async def exists(self, request: Request) -> Response:
        there = await self.client.collection_exists(request.path_params["name"])
        return _told({"exists": there})

    async def created(self, request: Request) -> Response:
        asked = await self._read(request, models.CreateCollection)
        name = request.path_params["name"]
        if await self.client.collection_exists(name):
            return JSONResponse({"status": {"error": "already exists"}, "time": 0}, 409)
        await self.client.create_collection(
            name, vectors_config=asked.vectors, sparse_vectors_config=asked.sparse_vectors
        )
        return _told(True)

    async def dropped(self, request: Request) -> Response:
        return _told(await self.client.delete_collection(request.path_params["name"]))

    async def indexed(self, request: Request) -> Response:
        asked = await self._read(request, models.CreateFieldIndex)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = await self.client.create_payload_index(
                request.path_params["name"], asked.field_name, asked.field_schema
            )
        return _told(done)

    async def upserted(self, request: Request) -> Response:
        asked = await self._read(request, models.PointsList)
        return _told(await self.client.upsert(request.path_params["name"], asked.points))

    async def queried(self, request: Request) -> Response:
        asked = await self._read(request, models.QueryRequest)
        query: Any = asked.query
        if isinstance(query, models.NearestQuery):
            query = query.nearest
        found = await self.client.query_points(
            request.path_params["name"],
            query=query,
            using=asked.using,
            query_filter=asked.filter,
            limit=asked.limit or 10,
            with_payload=asked.with_payload,
            with_vectors=asked.with_vector or False,
        )
        return _told(found)

    async def scrolled(self, request: Request) -> Response:
        asked = await self._read(request, models.ScrollRequest)
        points, offset = await self.client.scroll(
            request.path_params["name"], asked.filter, limit=asked.limit or 10, offset=asked.offset
        )
        return _told({"points": points, "next_page_offset": offset})

    async def counted(self, request: Request) -> Response:
        asked = await self._read(request, models.CountRequest)
        name = request.path_params["name"]
        return _told(await self.client.count(name, count_filter=asked.filter))

    async def deleted(self, request: Request) -> Response:
        asked = await self._read(request, models.FilterSelector)
        return _told(await self.client.delete(request.path_params["name"], asked))

    async def payload(self, request: Request) -> Response:
        asked = await self._read(request, models.SetPayload)
        name = request.path_params["name"]
        return _told(await self.client.set_payload(name, asked.payload, points=asked.points or []))


async def _unreadable(request: Request, exc: Exception) -> Response:
    return JSONResponse({"status": {"error": str(exc)[:300]}, "time": 0}, 400)


@asynccontextmanager
async def serve_qdrant() -> AsyncIterator[str]:
    """Serve an empty Qdrant, so to speak, and give its address."""
    rest = Rest()
    app = Starlette(routes=rest.routes, exception_handlers={ValidationError: _unreadable})
    async with served(app) as url:
        yield url
    await rest.client.close()
