"""What an `s3://` URL says, and what becomes of a bucket that nobody answers for."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import portico
from portico.artifacts.base import BlobMissing
from portico.artifacts.s3 import S3, Bucket, bucket_of, open_s3
from portico.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

KEYS = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "SKENV"}
type Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("s3://design", Bucket("design")),
        ("s3://design/", Bucket("design")),
        ("s3://design/a/b/", Bucket("design", "a/b")),
        (
            "s3://Design?endpoint=http://minio:9000&region=eu-west-1",
            Bucket("Design", None, "http://minio:9000", "eu-west-1"),
        ),
        (
            "s3://b/p?access_key_id=AK&secret_access_key=a%2Fb%2Bc&session_token=t",
            Bucket("b", "p", None, None, "AK", "a/b+c", "t"),
        ),
    ],
)
def test_a_url_names_bucket_prefix_endpoint_and_keys(url: str, bucket: Bucket) -> None:
    assert bucket_of(url) == bucket


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://", "s3://bucket"),
        ("s3:///prefix", "s3://bucket"),
        ("http://bucket", "s3://bucket"),
        ("s3://user:secret@bucket", "s3://bucket"),
        ("s3://bucket#x", "s3://bucket"),
        ("s3://bucket?endpoint=minio:9000", "must begin with http"),
        ("s3://bucket?endpiont=http://minio:9000", "unknown: endpiont"),
        ("s3://bucket?access_key_id=SECRET", "go together"),
    ],
)
def test_any_other_url_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        bucket_of(url)
    assert "secret" not in str(caught.value).lower().replace("secret_access_key", "")


def test_a_bucket_does_not_show_its_keys() -> None:
    told = repr(bucket_of("s3://b?access_key_id=AKAK&secret_access_key=SKSK&session_token=TKTK"))
    assert not any(secret in told for secret in ("AKAK", "SKSK", "TKTK"))


async def test_an_endpoint_without_keys_is_refused_at_once() -> None:
    with pytest.raises(StoreUnavailable, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        async with open_s3(bucket_of("s3://b?endpoint=http://127.0.0.1:1"), {}):
            pass


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """Answer every request as *answer* does; give the endpoint, and the heads of the requests."""
    heads: list[str] = []
    open_ones: dict[asyncio.Task[None], None] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones[task] = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head.decode())
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones)


@asynccontextmanager
async def bucket_behind(
    answer: Answer, query: str = "", environ: dict[str, str] = KEYS, patience: float = 10
) -> AsyncIterator[tuple[S3, list[str]]]:
    """Open a bucket at a server that answers so."""
    async with serving(answer) as (endpoint, heads):
        bucket = bucket_of(f"s3://b?endpoint={endpoint}{query}")
        async with open_s3(bucket, environ, patience) as blobs:
            yield blobs, heads


async def never(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


def saying(status: str, body: bytes = b"", **headers: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        told = {"content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)
        await writer.drain()

    return answer


async def drip(writer: asyncio.StreamWriter) -> None:
    modified = "last-modified: Mon, 23 Nov 2026 00:00:00 GMT\r\n"
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n{modified}\r\n".encode())
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def everything_fails(endpoint: str, said: str, patience: float = 0.5) -> None:
    bucket = bucket_of(f"s3://b?endpoint={endpoint}")
    async with open_s3(bucket, KEYS, patience) as blobs:
        for call in (
            blobs.put("a", b"1"),
            blobs.get("a"),
            blobs.get("a", (0, 1)),
            blobs.size("a"),
            blobs.delete("a"),
            anext(aiter(blobs.keys())),
        ):
            with pytest.raises(StoreUnavailable, match=said) as caught:
                await call
            assert caught.value.retry_after
            assert endpoint not in str(caught.value)


async def test_a_store_that_never_answers_is_away_in_bounded_time() -> None:
    async with serving(never) as (endpoint, _), asyncio.timeout(30):
        await everything_fails(endpoint, "did not answer in time")


async def test_a_store_that_is_down_cannot_be_reached() -> None:
    async with asyncio.timeout(30):
        await everything_fails("http://127.0.0.1:1", "cannot be reached", patience=5)


async def test_a_store_with_a_fault_is_told_by_its_status() -> None:
    async with serving(saying("503 Slow Down")) as (endpoint, _), asyncio.timeout(60):
        await everything_fails(endpoint, "answered with status 503", patience=10)


async def test_something_else_behind_the_address_is_no_store() -> None:
    async with bucket_behind(saying("200 OK", b"<html>")) as (blobs, _):
        with pytest.raises(StoreUnavailable):
            await anext(aiter(blobs.keys()))


async def test_bytes_that_only_drip_end_in_bounded_time() -> None:
    async with bucket_behind(drip, patience=0.5) as (blobs, _), asyncio.timeout(30):
        with pytest.raises(StoreUnavailable, match="in time"):
            await blobs.get("a")


async def test_a_missing_blob_is_no_fault_of_the_store() -> None:
    async with bucket_behind(saying("404 Not Found")) as (blobs, _):
        with pytest.raises(BlobMissing):
            await blobs.get("a")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<Error><Code>AccessDenied</Code></Error>", "does not let our key do this"),
        (b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "does not accept our key"),
        (b"<Error><Code>RequestTimeTooSkewed</Code></Error>", "set the clock"),
    ],
)
async def test_a_refusal_says_what_to_mend(body: bytes, said: str) -> None:
    async with bucket_behind(saying("403 Forbidden", body)) as (blobs, _):
        with pytest.raises(StoreUnavailable, match=said):
            await blobs.get("a")


@pytest.mark.parametrize(
    ("query", "environ", "key", "token"),
    [
        ("", KEYS, "AKENV", None),
        ("", {**KEYS, "AWS_SESSION_TOKEN": "TKENV"}, "AKENV", "TKENV"),
        (
            "&access_key_id=AKURL&secret_access_key=SK",
            {**KEYS, "AWS_SESSION_TOKEN": "TKENV"},
            "AKURL",
            None,
        ),
        ("&access_key_id=AKURL&secret_access_key=SK&session_token=TKURL", {}, "AKURL", "TKURL"),
    ],
)
async def test_keys_are_the_urls_or_else_the_environments_never_half_and_half(
    query: str, environ: dict[str, str], key: str, token: str | None
) -> None:
    async with bucket_behind(saying("404 Not Found"), query, environ) as (blobs, heads):
        with pytest.raises(BlobMissing):
            await blobs.size("a")
    (head,) = heads
    assert f"Credential={key}/" in head
    assert ("x-amz-security-token" in head.lower()) == (token is not None)
    assert token is None or token in head


SOURCE = str(Path(portico.__file__).parents[1])
ASKING = """
import asyncio, sys
from portico.artifacts.base import BlobMissing
from portico.artifacts.s3 import bucket_of, open_s3
async def main():
    async with open_s3(bucket_of(sys.argv[1])) as blobs:
        try:
            await blobs.get("a")
        except BlobMissing:
            print("asked")
asyncio.run(main())
"""


async def test_a_proxy_of_the_environment_is_not_used() -> None:
    async with serving(saying("404 Not Found")) as (endpoint, _), serving(never) as (proxy, seen):
        for host in ("127.0.0.1", "localhost"):
            environ = {**os.environ, **KEYS, "HTTP_PROXY": proxy, "http_proxy": proxy}
            url = f"s3://b?endpoint={endpoint.replace('127.0.0.1', host)}"
            asking = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", ASKING, url),
                env={**environ, "ALL_PROXY": proxy, "NO_PROXY": "", "PYTHONPATH": SOURCE},
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await asking.communicate()
            assert (said, seen) == (b"asked\n", [])
