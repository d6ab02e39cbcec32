"""What people think of answers, fetched from where they say it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from portico.dispatch.polling import Front, Polling
from portico.egress.paths import Direct
from portico.settings import Settings
from portico.traces.thumbs import Thumbs
from portico.wiring.building import Builder


@asynccontextmanager
async def open_polling(
    settings: Settings, builder: Builder, thumbs: Thumbs
) -> AsyncIterator[Polling | None]:
    """Read Open WebUI's feedback until left; None where *settings* name no Open WebUI."""
    given = settings.feedback
    if not given.address:
        yield None
        return
    front = Front(given.address, given.api_key.get_secret_value(), given.every)
    polling = Polling(builder.pool(Direct()), front, thumbs)
    task = asyncio.create_task(polling.run(), name="thumbs of Open WebUI")
    try:
        yield polling
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)
