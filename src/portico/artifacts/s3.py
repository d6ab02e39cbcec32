"""Blobs in a bucket of S3, or of whatever speaks like it; decision 011 says why by obstore."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from portico.artifacts.base import BlobMissing, Span, Stored, checked, clipped
from portico.errors import StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

PATIENCE = 5.0
"""Seconds for the store to answer at all."""

PACE = 1_000_000
"""Bytes a second that it is expected to take or give at least."""

PART = 8_000_000
"""Bytes of a file that are held in memory at a time."""

CONNECT = 2.0
LONGEST = 300.0  # the last resort: every call has a bound of its own
RETRY = 5.0

_ASKED = frozenset({"endpoint", "region", "access_key_id", "secret_access_key", "session_token"})
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_TRIAL = "portico-bootstrap"
"""The key of the blob that a bootstrap writes and deletes."""

_MISSING = "has no such bucket"
_TOKEN = "AWS_SESSION_TOKEN"
_NOWHERE = "http://127.0.0.1:9"  # the proxy that nothing goes by
_EVERYWHERE = "0.0.0.0/0,::/0,*"
_STATUS = "status code: "


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where an `s3://` URL leads; what is None comes from the environment, as for AWS's tools."""

    name: str
    prefix: str | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)


def bucket_of(url: str) -> Bucket:
    """
    Read `s3://bucket[/prefix][?endpoint=…&region=…&access_key_id=…&secret_access_key=…]`.

    Raises:
        ValueError: it is no such URL; the message repeats nothing of its values.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError("not of the form s3://bucket/prefix?endpoint=…")
    told = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(told.keys() - _ASKED):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    endpoint = told.get("endpoint", "https://")
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError("endpoint must begin with http:// or https://")
    if ("access_key_id" in told) != ("secret_access_key" in told):
        raise ValueError("access_key_id and secret_access_key go together")
    return Bucket(parts.netloc, parts.path.strip("/") or None, **told)


@asynccontextmanager
async def open_s3(
    bucket: Bucket, environ: Mapping[str, str] = os.environ, patience: float = PATIENCE
) -> AsyncIterator["S3"]:
    """
    Open *bucket*, which has to exist; nobody is asked before the first call.

    Keys that the URL leaves out are the environment's: AWS's names, or the files that these names
    with `_FILE` behind them name.

    Raises:
        StoreUnavailable: nobody can say with which keys.
    """
    if _endpoint(bucket, environ) and _credentials(bucket, environ) is None:
        raise StoreUnavailable(f"the object store needs {' and '.join(_KEYS)}")
    yield S3(_store(bucket, environ), patience)


async def made(
    bucket: Bucket, environ: Mapping[str, str] = os.environ, *, make: bool = True
) -> bool:
    """
    Return True if *bucket* was missing, and has been made if *make* says so.

    A blob is then written, read and deleted in it: a key that may not is found out here.

    Raises:
        StoreUnavailable: nobody answers, or the key is refused.
    """
    async with open_s3(bucket, environ) as blobs:
        try:
            async for _ in blobs.keys():
                break
            missing = False
        except StoreUnavailable as exc:
            if _MISSING not in str(exc):
                raise
            missing = True
        if make:
            if missing:
                await _make(bucket, environ)
            await blobs.put(_TRIAL, b"portico")
            await blobs.get(_TRIAL)
            await blobs.delete(_TRIAL)
    return missing


async def _make(bucket: Bucket, environ: Mapping[str, str]) -> None:
    import httpx  # the gateway itself needs no second client

    whole = _store(replace(bucket, prefix=None), environ)
    url = await obstore.sign_async(whole, "PUT", "", timedelta(minutes=1))
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=LONGEST) as client:
            answer = await client.put(url)
    except httpx.HTTPError:
        raise _away("cannot be reached") from None
    if answer.status_code not in (200, 409):  # 409: somebody else was quicker
        raise _away(_trouble(f"{_STATUS}{answer.status_code} {answer.text}"))


class S3:
    """
    Blobs as objects.

    An answer has to begin within *patience* seconds; bytes may take as long again as they would
    at PACE. A bucket that is missing, a key that is refused: the store is away, and says why.
    """

    def __init__(self, store: S3Store, patience: float = PATIENCE) -> None:
        self._store = store
        self._patience = patience

    async def put(self, key: str, data: bytes, *, lasting: bool = True) -> None:
        """See Blobs."""
        try:
            async with self._answering(len(data)):
                await obstore.put_async(self._store, checked(key), data, use_multipart=False)
        except BlobMissing:
            raise _away(_MISSING) from None

    async def get(self, key: str, span: Span | None = None) -> bytes:
        """See Blobs."""
        checked(key)
        if span is None:
            async with self._answering():
                found = await obstore.get_async(self._store, key)
            async with self._answering(found.meta["size"]):
                return bytes(await found.bytes_async())
        first, end = clipped(span)
        end = min(end, await self.size(key))  # of what begins behind the end, S3 makes an error
        if first >= end:
            return b""
        async with self._answering(end - first):
            part = await obstore.get_range_async(self._store, key, start=first, end=end)
        return bytes(part)

    async def upload(self, key: str, file: Path) -> None:
        """Keep what *file* holds, in parts where it is large; raises StoreUnavailable."""
        size = (await asyncio.to_thread(file.stat)).st_size
        try:
            async with self._answering(size):
                await obstore.put_async(self._store, checked(key), file)
        except BlobMissing:
            raise _away(_MISSING) from None

    async def download(self, key: str, file: Path) -> None:
        """Write what is kept into *file*; raises BlobMissing and StoreUnavailable."""
        async with self._answering():
            found = await obstore.get_async(self._store, checked(key))
        async with self._answering(found.meta["size"]):
            with await asyncio.to_thread(file.open, "wb") as out:
                async for part in found.stream(min_chunk_size=PART):
                    await asyncio.to_thread(out.write, part)

    async def size(self, key: str) -> int:
        """See Blobs."""
        async with self._answering():
            told = await obstore.head_async(self._store, checked(key))
        return told["size"]

    async def delete(self, key: str) -> None:
        """See Blobs."""
        async with self._answering():
            await obstore.delete_async(self._store, checked(key))

    async def keys(self, prefix: str = "") -> AsyncIterator[Stored]:
        """See Blobs."""
        top = checked(prefix.rstrip("/")) if prefix else None
        stream = obstore.list(self._store, top, chunk_size=1000)
        while True:
            async with self._answering():
                batch = await anext(stream, None)
            if batch is None:
                return
            for told in batch:
                yield Stored(told["path"], told["size"], told["last_modified"].timestamp())

    @asynccontextmanager
    async def _answering(self, size: int = 0) -> AsyncIterator[None]:
        """Bound the wait, and say in our words what went wrong: obstore's hold addresses."""
        try:
            async with asyncio.timeout(self._patience + size / PACE):
                with _translated():
                    yield
        except TimeoutError:
            raise _away("did not answer in time") from None


def _store(bucket: Bucket, environ: Mapping[str, str]) -> S3Store:
    region = bucket.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    config: S3Config = {"region": region or "us-east-1"}
    endpoint = _endpoint(bucket, environ)
    if endpoint:
        config["endpoint"] = endpoint
    client: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT),
        "timeout": timedelta(seconds=LONGEST),
        # Otherwise a proxy of the environment would be used, which no other client of ours does.
        "proxy_url": _NOWHERE,
        "proxy_excludes": _EVERYWHERE,
    }
    once: RetryConfig = {"max_retries": 1, "retry_timeout": timedelta(seconds=PATIENCE)}
    return S3Store(
        bucket.name,
        prefix=bucket.prefix,
        config=config,
        client_options=client,
        retry_config=once,
        credential_provider=_credentials(bucket, environ),
    )


def _endpoint(bucket: Bucket, environ: Mapping[str, str]) -> str:
    return bucket.endpoint or environ.get("AWS_ENDPOINT_URL", "")


def _said(environ: Mapping[str, str], name: str) -> str:
    """Return what *name* says, or the file that NAME_FILE names, without its line's end."""
    file = environ.get(f"{name}_FILE", "")
    if environ.get(name) or not file:
        return environ.get(name, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StoreUnavailable(f"the object store's {name}_FILE cannot be read") from None


def _credentials(bucket: Bucket, environ: Mapping[str, str]) -> "Callable[[], S3Credential] | None":
    """Return who says our keys; None leaves it to AWS's other ways, like a machine's role."""
    if bucket.access_key_id and bucket.secret_access_key:
        given = (bucket.access_key_id, bucket.secret_access_key, bucket.session_token)
    else:
        key, secret = (_said(environ, name) for name in _KEYS)
        if not key or not secret:
            return None
        given = (key, secret, _said(environ, _TOKEN) or None)
    key, secret, token = given
    return lambda: {
        "access_key_id": key,
        "secret_access_key": secret,
        "token": token,
        "expires_at": None,
    }


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        if "NoSuchBucket" in str(exc):
            raise _away(_MISSING) from None
        raise BlobMissing from None
    except (PermissionDeniedError, UnauthenticatedError) as exc:
        raise _away(_refusal(str(exc))) from None
    except BaseError as exc:
        raise _away(_trouble(str(exc))) from None


def _refusal(text: str) -> str:
    """S3's own codes: `InvalidAccessKeyId`, `SignatureDoesNotMatch`, `RequestTimeTooSkewed`, …"""
    if "RequestTimeTooSkewed" in text:
        return "has another time than we: set the clock"
    if "AccessDenied" in text:
        return "does not let our key do this"
    return "does not accept our key or secret"


def _trouble(text: str) -> str:
    if "NoSuchBucket" in text:
        return _MISSING
    if _STATUS not in text:
        return "cannot be reached"
    status = text.partition(_STATUS)[2][:3]
    return _refusal(text) if status == "403" else f"answered with status {status}"


def _away(told: str) -> StoreUnavailable:
    return StoreUnavailable(f"the object store {told}", retry_after=RETRY)
