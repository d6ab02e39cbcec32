"""The bucket of the configuration, made if it is missing."""

from collections.abc import Mapping

from portico.settings import Settings


async def make_bucket(settings: Settings, environ: Mapping[str, str], *, make: bool) -> bool | None:
    """
    See to the bucket of `stores.artifacts`; None where that is no bucket.

    True: it was made, or would have to be without *make*; False: it was there, and our key may
    list it. With *make* the key is seen to write, read and delete as well.

    Raises:
        ValueError: the address cannot be read.
        StoreUnavailable: nobody answers, or the key is refused.
    """
    url = settings.stores.artifacts.get_secret_value()
    if not url.startswith("s3:"):
        return None
    from portico.artifacts.s3 import bucket_of, made  # takes memory: only where configured

    return await made(bucket_of(url), environ, make=make)
