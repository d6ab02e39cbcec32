"""What is found again: the memory of the configuration, and who notes and recalls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from portico.dispatch.embedding import Embedding
from portico.dispatch.errands import Errands
from portico.dispatch.gateway import Gateway
from portico.dispatch.meaning import Meaning, embedder, space_of
from portico.dispatch.recalling import Recalling
from portico.dispatch.remembering import Keep, Remembering
from portico.memory.base import PICTURE, TEXT, Memory, Space, Spaces
from portico.settings import Settings, catalog
from portico.stores.guard import Guard
from portico.vision import likeness
from portico.wiring.pictures import Pictures


@asynccontextmanager
async def open_recalling(
    settings: Settings, gateway: Gateway, pictures: Pictures, errands: Errands
) -> AsyncIterator[Recalling]:
    """Open the memory, whose store may be away, and what notes there and searches it."""
    meaning = _meaning(settings, gateway)
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(
            await _store(settings, _spaces(meaning.space if meaning else None))
        )
        keep = Keep(pictures.archive, pictures.blobs, pictures.intake)
        guard = Guard("the memory")
        remembering = Remembering(memory, keep, errands, meaning, guard)
        stack.push_async_callback(remembering.aclose)
        if settings.memory.remember and settings.pictures.keep:
            gateway.remembering = remembering
        yield Recalling(remembering, pictures.archive, pictures.intake)


def _meaning(settings: Settings, gateway: Gateway) -> Meaning | None:
    target = embedder(gateway.house.catalog, settings.memory.embedder)
    space = space_of(target) if target else None
    if target is None or space is None:
        return None
    return Meaning(Embedding(gateway), target.name, space)


def _spaces(text: Space | None) -> Spaces:
    spaces = {PICTURE: Space(likeness.DIMENSIONS, likeness.MADE_BY)}
    return spaces if text is None else {**spaces, TEXT: text}


@asynccontextmanager
async def memory_of(settings: Settings) -> AsyncIterator[Memory]:
    """Open the memory of *settings* alone, without anybody who notes or searches."""
    target = embedder(catalog(settings), settings.memory.embedder)
    async with await _store(settings, _spaces(space_of(target) if target else None)) as memory:
        yield memory


async def _store(settings: Settings, spaces: Spaces) -> AbstractAsyncContextManager[Memory]:
    url = settings.stores.memory.get_secret_value()
    if url.startswith("local:"):
        from portico.memory.local import open_local  # brings NumPy

        return open_local(Path(url.partition(":///")[2]), spaces)
    return await asyncio.to_thread(_qdrant, url, spaces)  # its client takes seconds to import


def _qdrant(url: str, spaces: Spaces) -> AbstractAsyncContextManager[Memory]:
    from portico.memory.qdrant import open_qdrant

    return open_qdrant(url, spaces)
