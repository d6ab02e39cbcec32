"""
The `litellm` dialect: every provider that LiteLLM knows, by `litellm.acompletion` alone.

LiteLLM translates. Whether an answer is whole and what a failure means is read off the wire,
which it is given to use and which is ours (decision 003).
"""

import logging
import os
import sys
import time
import warnings
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import ModuleType
from typing import Any

import msgspec

from portico.chat.reply import Batch, Delta
from portico.egress.httpx import Carrier
from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Price, Target
from portico.upstreams.base import Account, Ask, Slip, UpstreamFailed
from portico.upstreams.litellm_prices import price
from portico.upstreams.litellm_providers import Takes, named, refusal, signs, stray, takes
from portico.upstreams.litellm_request import arguments, pictures
from portico.upstreams.litellm_wire import CUT, Place, Witness
from portico.upstreams.openai_chunks import Reading

__all__ = ["LiteLLM", "library", "prices", "refusal"]

FOREVER = 86_400.0
"""Seconds; the clocks that count are dispatch's."""

KEYLESS = "none"
"""What OpenAI's SDK, which insists on a key, is told where there is none."""

TRAIL = 5
"""Errors, each from the next, that are named in the log."""

BUILT = (
    *("Delta", "StreamingChoices", "ModelResponseStream"),
    *("Message", "Choices", "ModelResponse", "Usage"),
)
"""LiteLLM's types of answers, which pydantic builds when they are first used."""

LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


log = logging.getLogger(__name__)


def library() -> ModuleType:
    """
    Return LiteLLM, silent and off the network; the first call takes seconds and 160 MB.

    Its import would fetch a price list, its loggers would print bodies, and a watchdog of its
    own would break off answers that repeat themselves. It sends no telemetry in this version,
    and no callback is registered. What pydantic has to remark on its types would come with the
    first answer, or break that off where warnings are errors: so these are built here.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # read while it is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
        from litellm.types import utils

        for name in BUILT:
            getattr(utils, name).model_rebuild()

    loaded: Any = litellm  # no stubs: not all of what can be set is declared
    for name in LOGGERS:
        logging.getLogger(name).disabled = True
    loaded.suppress_debug_info = True
    loaded.disable_streaming_logging = True
    loaded.REPEATED_STREAMING_CHUNK_LIMIT = sys.maxsize
    return litellm


def prices(provider: str, model: str) -> Price | None:
    """Return what LiteLLM's bundled price list says *model* costs at *provider*, or None."""
    return price(library().model_cost, named(provider), model)


class LiteLLM:
    """
    An account at a provider of LiteLLM's; see `upstreams.base.Upstream`.

    Raises:
        ValueError: the provider cannot be asked over the account's egress path.
    """

    def __init__(self, account: Account, provider: str) -> None:
        if reason := refusal(provider, tunnelled=account.tunnelled):
            raise ValueError(reason)
        self._account = account
        self._provider = named(provider)
        self._litellm: Any = library()
        self._known: dict[str, Collection[str] | None] = {}  # by model; a catalog has few

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        """Ask the target; some of LiteLLM's providers are only asked at the first pull."""
        said = arguments(ask, self._provider, self._supported(ask.target))
        place = Place(self._provider, self._account.tunnelled)
        witness = Witness(place, signs(self._provider), pictures(ask.request))
        async with AsyncExitStack() as stack:
            carrier = Carrier(self._account.client, witness, ask.target.patience.connect)
            await stack.enter_async_context(carrier)
            stack.callback(
                _keep, carrier, witness, ask.slip
            )  # some are only asked at the first pull
            try:
                answer = await self._litellm.acompletion(
                    model=f"{self._provider}/{ask.target.model}",
                    api_base=self._account.base_url or None,
                    api_key=self._account.api_key or None,
                    client=self._client(carrier, ask.target.model),
                    timeout=FOREVER,
                    max_retries=0,
                    num_retries=0,
                    drop_params=False,
                    # LiteLLM would run a caller's MCP tools itself, and wants a package for that.
                    _skip_mcp_handler=True,
                    **said,
                )
            except Exception as error:  # a vendor adapter's door: LiteLLM raises what it likes
                raise UpstreamFailed(witness.raised(error, time.time())) from None
            if ask.request.stream:
                await stack.enter_async_context(aclosing(answer))
            yield _Heard(answer, witness, self._reading(ask), whole=not ask.request.stream)

    async def models(self) -> frozenset[str] | None:
        """Return None: LiteLLM has no list of what a provider offers now."""
        return None

    def _reading(self, ask: Ask) -> Reading:
        return Reading(self._provider, now=time.time(), choices=ask.request.n or 1)

    def _supported(self, target: Target) -> Collection[str] | None:
        """
        Return the names of OpenAI's fields that the provider can be told.

        LiteLLM asks a local Ollama what it does not find in its own list of models, on every
        call and at an address that need not be ours; so it finds it.
        """
        if stray(target.model):
            reason = "LiteLLM would take this model for another provider's"
            raise UpstreamFailed(Failure(Kind.INCAPABLE, reason))
        if target.model not in self._known:
            if self._provider == "ollama_chat":
                self._litellm.model_cost.setdefault(
                    f"ollama_chat/{target.model}",
                    {
                        "litellm_provider": "ollama_chat",
                        "mode": "chat",
                        "supports_function_calling": "tools" in target.features,
                        "supports_vision": "image" in target.accepts,
                    },
                )
            self._known[target.model] = self._litellm.get_supported_openai_params(
                model=target.model, custom_llm_provider=self._provider
            )
        return self._known[target.model]

    def _client(self, carrier: Carrier, model: str) -> Any:
        """
        Return a client of the kind that LiteLLM's code for the provider takes.

        The handler is given its transport and not just a client: it makes a new client of its
        own accord when a connection fails, and that one would go straight.
        """
        import httpx
        import openai
        from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

        kind = takes(self._provider)
        if kind is Takes.HANDLER:
            handler = AsyncHTTPHandler(transport=carrier, follow_redirects=False)
            handler.client = handler.client  # ours to close from now on
            return handler
        client = httpx.AsyncClient(transport=carrier, follow_redirects=False, trust_env=False)
        account = self._account
        key, base = account.api_key or KEYLESS, account.base_url
        if kind is Takes.AZURE:
            version = os.environ.get("AZURE_API_VERSION") or self._litellm.AZURE_DEFAULT_API_VERSION
            return openai.AsyncAzureOpenAI(
                azure_endpoint=base,
                api_version=version,
                api_key=key,
                http_client=client,
                max_retries=0,
            )
        base = base or self._litellm.get_llm_provider(f"{self._provider}/{model}")[3]
        return openai.AsyncOpenAI(
            base_url=base or None, api_key=key, http_client=client, max_retries=0
        )


class _Heard:
    """The batches of an answer: one for each of LiteLLM's chunks, or one for a whole reply."""

    def __init__(self, answer: Any, witness: Witness, reading: Reading, *, whole: bool) -> None:
        self._chunks = _once(answer) if whole else aiter(answer)
        self._witness = witness
        self._reading = reading

    def __aiter__(self) -> "_Heard":
        return self

    async def __anext__(self) -> Batch:
        while True:
            chunk = await self._next()
            batch = self._reading.feed([chunk])
            if self._reading.failure is not None:
                raise self._failed(self._reading.failure)
            if not self._witness.finished and any(delta.finish for delta in batch):
                raise self._failed(CUT)  # a finish that LiteLLM made up
            if not self._witness.counted:
                batch = [_uncounted(delta) for delta in batch if delta.counts]
            if batch:
                return batch

    async def _next(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            if (failure := self._reading.end()) is not None:
                raise self._failed(failure) from None
            raise
        except Exception as error:  # a vendor adapter's door: LiteLLM raises what it likes
            if self._reading.end() is None:  # all has been said: only the connection ended badly
                raise StopAsyncIteration from None
            log.warning("LiteLLM broke a stream off: %s", _trail(error))
            raise UpstreamFailed(self._witness.raised(error, time.time())) from None
        dumped: str = chunk.model_dump_json(exclude_none=True, warnings=False)
        return dumped.encode()

    def _failed(self, failure: Failure) -> UpstreamFailed:
        return UpstreamFailed(self._witness.failure(time.time(), failure))


def _keep(carrier: Carrier, witness: Witness, slip: Slip) -> None:
    slip.receipt, slip.body = carrier.receipt, witness.body


def _trail(error: BaseException) -> str:
    """Return the classes of *error* and of what led to it: their words may quote a body."""
    names: list[str] = []
    found: BaseException | None = error
    while found is not None and len(names) < TRAIL:
        names.append(type(found).__name__)
        found = found.__cause__ or found.__context__
    return " from ".join(names)


async def _once(answer: Any) -> AsyncIterator[Any]:
    yield answer


def _uncounted(delta: Delta) -> Delta:
    """Without the usage: LiteLLM makes one up where the provider counts nothing."""
    return msgspec.structs.replace(delta, usage=None)
