"""What one value alone cannot tell: contradictions, and what looks odd."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from portico.errors import Problem
from portico.settings import addresses
from portico.settings.belonging import contested
from portico.settings.entries import KEYLESS, Breaker, EgressPath, Role, Target, Upstream
from portico.settings.model import Settings
from portico.settings.places import Fault, Place
from portico.upstreams.litellm_providers import refusal


def check(settings: Settings) -> Iterator[Fault]:
    """Give every contradiction in *settings*, whose single values are sound and names known."""
    for name, upstream in settings.upstreams.items():
        yield from _placed(("upstreams", name), _upstream(upstream))
        yield from _placed(("upstreams", name), _carried(upstream, settings.egress))
    for name, target in settings.targets.items():
        yield from _placed(("targets", name), _target(target))
        yield from _placed(("targets", name), _embedding(target, settings.upstreams))
    for name, role in settings.roles.items():
        yield from _placed(("roles", name), _role(role, settings.targets))
    for name, path in settings.egress.items():
        yield from _placed(("egress", name), _egress(name, path))
    yield from contested(settings)
    yield from _globals(settings)


def warnings(settings: Settings) -> tuple[Problem, ...]:
    """Return what is legal in *settings* but hardly meant."""
    return tuple(settings.source.problem(fault) for fault in _oddities(settings))


type Found = tuple[Place, str, str]
"""A fault inside an entry: the place within it, the message, the remedy."""


def _placed(place: Place, found: Iterable[Found]) -> Iterator[Fault]:
    for inner, message, remedy in found:
        yield Fault((*place, *inner), message, remedy)


def _upstream(upstream: Upstream) -> Iterator[Found]:
    yield from _dialect(upstream)
    if upstream.address:
        yield from _wrong(("base_url",), addresses.base_url(upstream.address))
    elif upstream.dialect == "openai" and upstream.simulate is not True:
        yield ("base_url",), "is required here", "write the address, or a `flavour` that has one"
    if upstream.simulate is False and not upstream.keyed and not _open(upstream):
        remedy = "set its variable, or write `simulate: auto`"
        yield ("api_key",), "is empty, and `simulate: false` forbids to pretend", remedy
    yield from _wrong(("api_key",), addresses.api_key(upstream.api_key.get_secret_value()))
    for name, value in upstream.headers.items():
        yield from _wrong(("headers", name), addresses.header(name, value.get_secret_value()))


def _dialect(upstream: Upstream) -> Iterator[Found]:
    if upstream.dialect == "litellm" and not upstream.provider:
        yield ("provider",), "is required for the `litellm` dialect", "write LiteLLM's name for it"
    if upstream.dialect != "litellm" and upstream.provider:
        yield ("provider",), "is for the `litellm` dialect only", "remove it, or change `dialect`"
    if upstream.dialect != "openai" and upstream.flavour != "generic":
        yield ("flavour",), "is for the `openai` dialect only", "remove it, or change `dialect`"


def _carried(upstream: Upstream, egress: Mapping[str, EgressPath]) -> Iterator[Found]:
    """LiteLLM cannot be made to send every provider's requests through a tunnel."""
    path = egress.get(upstream.egress)
    if upstream.dialect != "litellm" or upstream.simulated or path is None:
        return
    if reason := refusal(upstream.provider or "", tunnelled=path.kind == "tunnel"):
        remedy = "use `egress: direct`, or a provider that stays in the tunnel"
        yield ("egress",), f"cannot carry this provider: {reason}", remedy


def _open(upstream: Upstream) -> bool:
    """Say whether real requests make sense without a key: a server of one's own, for example."""
    if upstream.dialect == "litellm":
        return upstream.provider in KEYLESS
    generic = upstream.dialect == "openai" and upstream.flavour == "generic"
    return generic and "api_key" not in upstream.model_fields_set


def _embedding(target: Target, upstreams: Mapping[str, Upstream]) -> Iterator[Found]:
    upstream = upstreams.get(target.upstream)
    chats = target.kind == "chat"
    for key in ("dimensions", "space"):
        if chats and getattr(target, key) is not None:
            yield (key,), "is for embedding targets", "remove it, or write `kind: embedding`"
    if not chats and upstream and upstream.dialect == "litellm" and not upstream.simulated:
        remedy = "use an upstream of the `openai` or `gemini` dialect"
        yield ("upstream",), "embeddings are not asked for by way of LiteLLM", remedy


def _target(target: Target) -> Iterator[Found]:
    if "text" not in target.accepts:
        yield ("accepts",), "lacks `text`, which every request carries", "add text"
    if (target.max_output or 0) > target.context_window:
        yield ("max_output",), "is larger than `context_window`", "lower it"


def _role(role: Role, targets: Mapping[str, Target]) -> Iterator[Found]:
    for index, name in enumerate(role.targets):
        if name in role.targets[:index]:
            yield ("targets", index), f"names `{name}` again", "name each target once"
        if name in targets and targets[name].kind != "chat":
            yield ("targets", index), f"`{name}` makes embeddings and cannot chat", "remove it"


def _egress(name: str, path: EgressPath) -> Iterator[Found]:
    if name == "direct" and path.kind != "direct":
        yield ("kind",), "the path `direct` is the direct one", "give the tunnel another name"
    for key in ("via", "tunnels"):
        if path.kind == "direct" and getattr(path, key):
            yield (key,), "a direct path goes via nothing", "write `kind: tunnel`, or remove it"
    if path.kind == "tunnel" and not path.via and not path.tunnels:
        remedy = "write [socks5h://host:port], or name a file as `tunnels`"
        yield ("via",), "a tunnel needs a proxy to go via", remedy
    if path.via and path.tunnels:
        yield ("tunnels",), "stands in place of `via`, and both are given", "remove one of them"
    for index, proxy in enumerate(path.via):
        yield from _wrong(("via", index), addresses.proxy(proxy.get_secret_value()))
    for index, host in enumerate(path.hosts):
        yield from _wrong(("hosts", index), addresses.host(host))
    yield from _exits(path)


def _exits(path: EgressPath) -> Iterator[Found]:
    if path.exit_url:
        yield from _wrong(("exit_url",), addresses.page(path.exit_url))
    for key in ("exit_url", "expect", "panic"):
        if path.kind == "direct" and getattr(path, key):
            yield (key,), "is for tunnels only", "write `kind: tunnel`, or remove it"
    if path.kind == "tunnel" and path.expect and not path.exit_url:
        remedy = "write `exit_url`, such as https://www.cloudflare.com/cdn-cgi/trace"
        yield ("expect",), "cannot be looked at without `exit_url`", remedy
    known = {name for place, via in enumerate(path.via, 1) for name in named(place, via)}
    for name, expected in path.expect.items():
        if path.via and name not in known:
            yield ("expect", name), "names no tunnel of `via`", f"known here: {', '.join(known)}"
        for index, text in enumerate(expected.networks):
            yield from _wrong(("expect", name, "networks", index), addresses.network(text))


def named(place: int, via: SecretStr) -> tuple[str, ...]:
    """Return what the tunnel at *place* (from 1) is called in `expect`."""
    name = urlsplit(via.get_secret_value()).fragment
    return (name, str(place)) if name else (str(place),)


def _memory(settings: Settings) -> Iterator[Fault]:
    wished = settings.memory.embedder
    if wished is None:
        return
    target = settings.targets.get(wished)
    place = ("memory", "embedder")
    if target is None or target.kind != "embedding":
        yield Fault(place, "is no embedding target", "name a target of `kind: embedding`")
    elif target.dimensions is None:
        remedy = f"write `dimensions` for `{wished}`"
        yield Fault(place, "makes vectors of nobody knows what length", remedy)


def _feedback(settings: Settings) -> Iterator[Found]:
    given = settings.feedback
    if not given.url:
        return
    yield from _wrong(("url",), addresses.base_url(given.url))
    key = given.api_key.get_secret_value()
    if key:
        yield from _wrong(("api_key",), addresses.api_key(key))
    else:
        yield ("api_key",), "is empty", "write the API key of one of Open WebUI's administrators"


def _globals(settings: Settings) -> Iterator[Fault]:
    yield from _memory(settings)
    yield from _placed(("feedback",), _feedback(settings))
    for name in addresses.STORES:
        if (given := getattr(settings.stores, name)) is not None:
            wrong = addresses.store(name, given.get_secret_value())
            yield from _placed(("stores",), _wrong((name,), wrong))
    for index, text in enumerate(settings.pictures.inside):
        yield from _placed(("pictures",), _wrong(("inside", index), addresses.inside(text)))
    for index, text in enumerate(settings.boundary.outside):
        yield from _placed(("boundary",), _wrong(("outside", index), addresses.inside(text)))
    if settings.boundary.control:
        place = addresses.named(settings.boundary.control)
        yield from _placed(("boundary",), _wrong(("control",), place))
    yield from _breaker(("breaker",), settings.breaker)
    for name, target in settings.targets.items():
        if target.breaker is not None:
            yield from _breaker(("targets", name, "breaker"), settings.breaker_of(name))


def _breaker(place: Place, breaker: Breaker) -> Iterator[Fault]:
    if breaker.max_recovery < breaker.recovery:
        message = f"`max_recovery` is less than `recovery` ({breaker.recovery:g} seconds)"
        yield Fault(place, message, "raise one or lower the other")


def _wrong(place: Place, wrong: addresses.Wrong) -> Iterator[Found]:
    if wrong is not None:
        yield place, *wrong


def _oddities(settings: Settings) -> Iterator[Fault]:
    for place in settings.source.left_out:
        message = "is built in, but left out: this file replaces what it rests on"
        yield Fault(place, message, "add `extends: builtin` to keep it")
    for place in settings.source.borrowed:
        message = "is the built-in one: a role names it, and this file does not define it"
        yield Fault(place, message, "define it, or add `extends: builtin` to say so")
    for name, upstream in settings.upstreams.items():
        address = upstream.address
        if address.startswith("http://") and upstream.keyed and not addresses.local(address):
            message = "sends the key and every prompt unencrypted"
            yield Fault(("upstreams", name, "base_url"), message, "write https://")
    for name, target in settings.targets.items():
        yield from _placed(("targets", name), _odd_target(target))


def _odd_target(target: Target) -> Iterator[Found]:
    if target.patience.first_delta > target.patience.total:
        message = "is longer than `total`: a streamed request waits longer than a whole answer may"
        yield ("patience", "first_delta"), message, "lower it, or raise `total`"
    if target.price and (target.price.cached_input or 0) > target.price.input:
        yield ("price", "cached_input"), "is dearer than `input`", "check the price list"
    if target.boxes != "none" and "image" not in target.accepts:
        yield ("boxes",), "is for models that see, and this one takes no image", "remove it"
