"""
Memory in Qdrant: one collection for the spaces it was opened with; the only door to its client.

A point's payload holds ids and what is filtered by, never a text: words are hashed to places of a
sparse vector, whose rarity (IDF) the server knows.
"""

import warnings
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import batched
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException

from portico.errors import StoreUnavailable
from portico.memory.base import Gone, Hit, Point, Spaces, Vector, fingerprint, readers_of
from portico.memory.words import asked_of, place, weights, words_of

WORDS = "words"
WITHIN = 10
"""Seconds of one call; callers have shorter deadlines of their own."""
PAGE = 256
FIELDS = ("readers", "artifact")
"""What points are filtered by, and so indexed."""


@asynccontextmanager
async def open_qdrant(url: str, spaces: Spaces) -> AsyncIterator["Qdrant"]:
    """
    Give the memory at *url* (`http://host:6333?api_key=…&prefix=portico`); nobody is asked yet.

    The environment's proxies are not consulted.
    """
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a key without TLS: `portico check` says that
        client = AsyncQdrantClient(
            url=urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
            port=parts.port or (443 if parts.scheme == "https" else 6333),
            api_key=query.get("api_key"),
            timeout=WITHIN,
            check_compatibility=False,  # would ask at once, and hold everybody up
            trust_env=False,
        )
    try:
        yield Qdrant(client, spaces, query.get("prefix", "portico"))
    finally:
        await client.close()


class Qdrant:
    """See `memory.base.Memory`."""

    def __init__(self, client: AsyncQdrantClient, spaces: Spaces, prefix: str) -> None:
        self._client = client
        self._spaces = spaces
        self._prefix = f"{prefix}_designs_"
        self._name = self._prefix + fingerprint(spaces)
        self._there = False

    async def put(self, points: Sequence[Point]) -> None:
        """See Memory."""
        with _answering():
            await self._make()
            await self._client.upsert(self._name, [_struct(point) for point in points], wait=True)

    async def near(self, space: str, vector: Vector, reader: str | None, limit: int) -> list[Hit]:
        """See Memory."""
        found = await self._query(
            query=list(vector), using=space, query_filter=_visible(reader), limit=limit
        )
        return [_hit(one, likeness=one.score) for one in found]

    async def worded(self, words: Sequence[str], reader: str | None, limit: int) -> list[Hit]:
        """See Memory."""
        places = {place(word): word for word in asked_of(" ".join(words))}
        if not places:
            return []
        asked = models.SparseVector(indices=list(places), values=[1.0] * len(places))
        found = await self._query(
            query=asked,
            using=WORDS,
            query_filter=_visible(reader),
            limit=limit,
            with_vectors=[WORDS],
        )
        return [_hit(one, words=_matched(one, places)) for one in found]

    async def share(self, artifact: str, reader: str, *, seen: bool) -> None:
        """See Memory."""
        with _answering():
            if not await self._known():
                return
            for one in await self._of(artifact):
                readers = set((one.payload or {}).get("readers", ()))
                readers = readers | {reader} if seen else readers - {reader}
                told = {"readers": sorted(readers)}
                await self._client.set_payload(self._name, told, points=[one.id], wait=True)

    async def forget(self, artifacts: Collection[str]) -> None:
        """See Memory."""
        with _answering():
            if await self._known():
                of = models.FieldCondition(
                    key="artifact", match=models.MatchAny(any=sorted(artifacts))
                )
                chosen = models.FilterSelector(filter=models.Filter(must=[of]))
                await self._client.delete(self._name, chosen, wait=True)

    async def erase(self, gone: Gone, *, dry_run: bool = False) -> int:
        """See Memory."""
        with _answering():
            if not dry_run and await self._known():
                for artifact, reader in gone.readers:
                    await self.share(artifact, reader, seen=False)
            return sum([await self._erased(name, gone, dry_run) for name in await self._ours()])

    async def count(self) -> int:
        """See Memory."""
        with _answering():
            if not await self._known():
                return 0
            return (await self._client.count(self._name, exact=True)).count

    async def others(self) -> list[str]:
        """See Memory."""
        with _answering():
            return [name for name in await self._ours() if name != self._name]

    async def clear(self) -> None:
        """See Memory."""
        with _answering():
            for name in await self._ours():
                await self._client.delete_collection(name)
            self._there = False

    # -- the collection

    async def _ours(self) -> list[str]:
        listed = (await self._client.get_collections()).collections
        return sorted(one.name for one in listed if one.name.startswith(self._prefix))

    async def _known(self) -> bool:
        if not self._there:
            self._there = await self._client.collection_exists(self._name)
        return self._there

    async def _make(self) -> None:
        if await self._known():
            return
        vectors = {
            name: models.VectorParams(size=one.dimensions, distance=models.Distance.COSINE)
            for name, one in self._spaces.items()
        }
        sparse = {WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)}
        try:
            await self._client.create_collection(
                self._name, vectors_config=vectors, sparse_vectors_config=sparse
            )
        except (ApiException, ValueError):
            if not await self._known():  # nobody else was quicker
                raise
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # local mode has no indexes, and says so
            for field in FIELDS:
                keyword = models.PayloadSchemaType.KEYWORD
                await self._client.create_payload_index(self._name, field, keyword, wait=True)
        self._there = True

    async def _erased(self, name: str, gone: Gone, dry_run: bool) -> int:
        count = 0
        for some in batched(_conditions(gone), PAGE):
            chosen = models.Filter(should=list(some))
            count += (await self._client.count(name, count_filter=chosen, exact=True)).count
            if not dry_run:
                await self._client.delete(name, models.FilterSelector(filter=chosen), wait=True)
        return count

    async def _query(self, **asked: Any) -> list[models.ScoredPoint]:
        with _answering():
            if not await self._known():
                return []
            found = await self._client.query_points(self._name, with_payload=True, **asked)
            return list(found.points)

    async def _of(self, artifact: str) -> list[models.Record]:
        of = models.FieldCondition(key="artifact", match=models.MatchValue(value=artifact))
        found: list[models.Record] = []
        offset: Any = None
        while True:
            page, offset = await self._client.scroll(
                self._name, models.Filter(must=[of]), limit=PAGE, offset=offset
            )
            found += page
            if offset is None:
                return found


@contextmanager
def _answering() -> Any:
    """Turn whatever the client raises into the one thing that a store may."""
    try:
        yield
    except (ApiException, ResponseHandlingException, httpx.HTTPError, OSError) as exc:
        said = f"Qdrant does not answer: {type(exc).__name__}"
        raise StoreUnavailable(said, retry_after=5) from exc


def _struct(point: Point) -> models.PointStruct:
    said = weights(words_of(point.text))
    vectors: dict[str, Any] = {name: list(one) for name, one in point.vectors.items()}
    vectors[WORDS] = models.SparseVector(indices=list(said), values=list(said.values()))
    return models.PointStruct(
        id=str(UUID(point.id)),
        vector=vectors,
        payload={
            "artifact": point.artifact,
            "chat": point.chat,
            "at": point.at,
            "looks": point.looks,
            "readers": sorted(point.readers),
        },
    )


def _conditions(gone: Gone) -> Iterator[Any]:
    for artifact in sorted(gone.artifacts):
        yield models.FieldCondition(key="artifact", match=models.MatchValue(value=artifact))
    if gone.points:
        yield models.HasIdCondition(has_id=[str(UUID(one)) for one in sorted(gone.points)])


def _visible(reader: str | None) -> models.Filter:
    whose = models.MatchAny(any=readers_of(reader))
    return models.Filter(must=[models.FieldCondition(key="readers", match=whose)])


def _matched(found: models.ScoredPoint, places: dict[int, str]) -> tuple[str, ...]:
    vectors = found.vector if isinstance(found.vector, dict) else {}
    said = vectors.get(WORDS)
    there = set(said.indices) if isinstance(said, models.SparseVector) else set()
    return tuple(word for at, word in places.items() if at in there)


def _hit(found: models.ScoredPoint, **more: Any) -> Hit:
    told = found.payload or {}
    return Hit(
        id=UUID(str(found.id)).hex,
        artifact=str(told["artifact"]),
        chat=str(told["chat"]),
        at=float(told["at"]),
        looks=str(told["looks"]),
        score=found.score,
        **more,
    )
