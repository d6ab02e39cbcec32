from collections.abc import Callable

import pytest

from portico.errors import Problem
from portico.settings import Settings, warnings

type Load = Callable[..., Settings]
type Problems = Callable[..., tuple[Problem, ...]]


def upstream(fields: str) -> str:
    return f"extends: builtin\nupstreams:\n  u: {{{fields}}}\n"


def target(fields: str) -> str:
    return f"extends: builtin\ntargets:\n  t: {{upstream: google, model: m, {fields}}}\n"


def role(fields: str) -> str:
    return f"extends: builtin\nroles:\n  r: {{{fields}}}\n"


def path(fields: str, name: str = "p") -> str:
    return f"extends: builtin\negress:\n  {name}: {{{fields}}}\n"


def via(fields: str) -> str:
    return path(f"kind: tunnel, via: ['http://127.0.0.1:1#one'], {fields}")


IMPOSSIBLE = [
    (upstream("dialect: openai"), "upstreams.u.base_url", "required"),
    (upstream("base_url: 'ftp://h'"), "upstreams.u.base_url", "http"),
    (upstream("base_url: 'https://'"), "upstreams.u.base_url", "http"),
    (upstream("base_url: 'https://u:p@h'"), "upstreams.u.base_url", "user"),
    (upstream("base_url: 'https://h?key=x'"), "upstreams.u.base_url", "end with its path"),
    (upstream("base_url: 'https://h:99999'"), "upstreams.u.base_url", "http"),
    (upstream("base_url: 'https://h /x'"), "upstreams.u.base_url", "http"),
    (upstream("dialect: litellm"), "upstreams.u.provider", "required"),
    (upstream("dialect: gemini, provider: x, egress: google"), "upstreams.u.provider", "litellm"),
    (upstream("dialect: gemini, flavour: deepseek"), "upstreams.u.flavour", "openai"),
    (upstream("flavour: deepseek, egress: nowhere"), "upstreams.u.egress", "no egress path"),
    (upstream("flavour: deepseek, simulate: false"), "upstreams.u.api_key", "empty"),
    (upstream("flavour: deepseek, simulate: perhaps"), "upstreams.u.simulate", "must be"),
    (upstream("flavour: deepseek, api_key: 'a b'"), "upstreams.u.api_key", "space"),
    (upstream("flavour: deepseek, api_key: ключ"), "upstreams.u.api_key", "header"),
    (upstream("flavour: deepseek, api_key: 12"), "upstreams.u.api_key", "text"),
    (upstream("flavour: deepseek, headers: {'a b': c}"), "upstreams.u.headers.a b", "name"),
    (upstream("flavour: deepseek, headers: {Host: c}"), "upstreams.u.headers.Host", "client"),
    (upstream('flavour: deepseek, headers: {x: "a\\nb"}'), "upstreams.u.headers.x", "header"),
    (target("tier: 0"), "targets.t.tier", "at least 1"),
    (target("tier: true"), "targets.t.tier", "number"),
    ("server: {max_waiting: true}", "server.max_waiting", "number"),
    (target("context_window: true"), "targets.t.context_window", "number"),
    (target("accepts: [image]"), "targets.t.accepts", "text"),
    (target("accepts: [text, imge]"), "targets.t.accepts[1]", "must be"),
    (target("features: tools"), "targets.t.features", "list"),
    (target("context_window: 10, max_output: 11"), "targets.t.max_output", "larger"),
    (target("price: {input: -0.1, output: 1}"), "targets.t.price.input", "at least 0"),
    (target("price: {input: 1}"), "targets.t.price.output", "required"),
    (target("price: {input: 1e999, output: 1}"), "targets.t.price.input", "number"),
    (target("patience: {connect: 0}"), "targets.t.patience.connect", "greater than 0"),
    (target("max_concurrency: 0"), "targets.t.max_concurrency", "at least 1"),
    (target("breaker: {recovery: 60}"), "targets.t.breaker", "max_recovery"),
    (role("targets: []"), "roles.r.targets", "at least one"),
    (role("description: x"), "roles.r.targets", "required"),
    (role("targets: [nobody]"), "roles.r.targets[0]", "no target"),
    (role("targets: [code]"), "roles.r.targets[0]", "no target"),
    (role("targets: [qwen-vl, qwen-vl]"), "roles.r.targets[1]", "again"),
    (role("targets: [qwen-vl], hedge_after: -1"), "roles.r.hedge_after", "at least 0"),
    (role("targets: [qwen-vl], max_attempts: 0"), "roles.r.max_attempts", "at least 1"),
    (path("kind: tunnel"), "egress.p.via", "proxy"),
    (path("kind: tunnel, via: []"), "egress.p.via", "proxy"),
    (path("kind: direct, via: ['http://h:1']"), "egress.p.via", "nothing"),
    (path("kind: direct, tunnels: t.yaml"), "egress.p.tunnels", "nothing"),
    (path("kind: tunnel, via: ['http://h:1'], tunnels: t"), "egress.p.tunnels", "in place of"),
    (path("kind: tunnel, via: ['http://h:1']", "direct"), "egress.direct.kind", "direct"),
    (path("kind: tunnel, via: ['socks5://h:1']"), "egress.p.via[0]", "outside the tunnel"),
    (path("kind: tunnel, via: ['https://h:1']"), "egress.p.via[0]", "not a socks5h"),
    (path("kind: tunnel, via: ['socks5h://h']"), "egress.p.via[0]", "port"),
    (path("kind: tunnel, via: ['socks5h://h:1/x']"), "egress.p.via[0]", "end"),
    (path("via: ['socks5h://h:1']"), "egress.p.kind", "required"),
    ("targets: {auto: {upstream: google, model: m}}", "targets.auto", "auto"),
    ("extends: builtin\nroles: {auto: {targets: [qwen-vl]}}", "roles.auto", "auto"),
    ("targets: {'a b': {upstream: google, model: m}}", "targets.a b", "cannot be a name"),
    ("targets: {a/b: {upstream: google, model: m}}", "targets.a/b", "cannot be a name"),
    ("extends: builtin\ntargets: {code: {upstream: google, model: m}}", "roles.code", "of a role"),
    ("targets: {t: {upstream: googel, model: m}}", "targets.t.upstream", "no upstream"),
    ("targets: {}", "targets", "no target to ask"),
    ("egress: {direct: {kind: direct}}", "upstreams.google.egress", "no egress path"),
    ("stores: {ledger: 'mysql://h/d'}", "stores.ledger", "sqlite://"),
    ("stores: {ledger: 'sqlite:///'}", "stores.ledger", "no place"),
    ("stores: {memory: nowhere}", "stores.memory", "local://"),
    ("breaker: {recovery: 31}", "breaker", "max_recovery"),
    ("breaker: {failures: 0}", "breaker.failures", "at least 1"),
    ("server: {max_body: 0}", "server.max_body", "greater than 0"),
    ("server: {max_body: lots}", "server.max_body", "size"),
    ("server: {drian: 3}", "server.drian", "not a known key"),
    (upstream("dialect: gemini"), "upstreams.u.base_url", "belongs to the egress path `google`"),
    (
        upstream("base_url: 'https://GENERATIVELANGUAGE.googleapis.com.:8443/x'"),
        "upstreams.u.base_url",
        "(upstreams.google), and cannot be asked by `direct`",
    ),
    (
        path("kind: direct, hosts: [api.siliconflow.com]", "other"),
        "egress.other.hosts[0]",
        "belongs to the egress path `direct`",
    ),
    (path("kind: direct, hosts: ['https://a.test']"), "egress.p.hosts[0]", "name of a host"),
    (path("kind: direct, hosts: ['a.test:443']"), "egress.p.hosts[0]", "name of a host"),
    (via("on_down: direct"), "egress.p.on_down", "must be"),
    (via("exit_url: 'http://a.test'"), "egress.p.exit_url", "https"),
    (path("kind: direct, exit_url: 'https://a.test'"), "egress.p.exit_url", "tunnels only"),
    (via("expect: {one: {regions: [SG]}}"), "egress.p.expect", "without `exit_url`"),
    (
        via("exit_url: 'https://a.test', expect: {two: {regions: [SG]}}"),
        "egress.p.expect.two",
        "no tunnel",
    ),
    (
        via("exit_url: 'https://a.test', expect: {one: {networks: [203.0.113.1/24]}}"),
        "egress.p.expect.one.networks[0]",
        "no network",
    ),
    (path("kind: tunnel, via: ['http://a.test:1#a b']"), "egress.p.via[0]", "http"),
    (path("kind: tunnel, via: ['http://a.test:1#-']"), "egress.p.via[0]", "name"),
    ("access: {required: maybe}", "access.required", "must be"),
    ("access:", "access", "no value"),
    ("telemetry: [json]", "telemetry", "hold keys"),
    ("extends: default", "extends", "must be"),
    ("roels: {}", "roels", "not a known key"),
]


@pytest.mark.parametrize(("text", "key", "part"), IMPOSSIBLE)
def test_an_impossible_value_is_told_with_its_key_and_remedy(
    problems: Problems, text: str, key: str, part: str
) -> None:
    (problem,) = problems(text)
    assert problem.key == key
    assert part in problem.message
    assert problem.remedy
    assert problem.line is not None


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (target("teir: 1"), "did you mean `tier`?"),
        (target("price: {inptu: 1, input: 1, output: 1}"), "did you mean `input`?"),
        (target("accepts: [text, imge]"), "did you mean `image`?"),
        (role("targets: [qwen-lv]"), "did you mean `qwen-vl`?"),
        (role("targets: [code]"), "that is a role: name its targets"),
        (
            "upstreams: {google: {dialect: gemini}}\nroles: {r: {targets: [qwen-vl]}}",
            "it is built in: add `extends: builtin`, or define it under `targets`",
        ),
        ("access: {zzz: 1}", "known here: required, user_jwt_secret"),
    ],
)
def test_the_remedy_names_what_was_probably_meant(
    problems: Problems, text: str, remedy: str
) -> None:
    assert [problem.remedy for problem in problems(text)] == [remedy]


def test_an_embedding_target_plays_no_role(problems: Problems) -> None:
    text = target("kind: embedding") + "roles: {r: {targets: [t]}}"
    (problem,) = problems(text)
    assert problem.key == "roles.r.targets[0]"


@pytest.mark.parametrize(
    ("fields", "simulated"),
    [
        ("flavour: deepseek", True),
        ("flavour: deepseek, api_key: k", False),
        ("flavour: deepseek, api_key: k, simulate: yes", True),
        ("simulate: true", True),
        ("base_url: 'http://127.0.0.1:1', simulate: false", False),
        ("dialect: litellm, provider: ollama", False),
        ("dialect: litellm, provider: ollama, simulate: false", False),
        ("dialect: litellm, provider: anthropic", True),
    ],
)
def test_who_is_simulated(load: Load, fields: str, simulated: bool) -> None:
    assert load(upstream(fields)).upstreams["u"].simulated is simulated


def test_a_key_that_was_meant_but_is_empty_cannot_be_forced_to_be_real(problems: Problems) -> None:
    (problem,) = problems(upstream("base_url: 'http://h', api_key: '${K}', simulate: false"))
    assert problem.key == "upstreams.u.api_key"


ODD = [
    (target("patience: {first_delta: 400}"), "targets.t.patience.first_delta"),
    (target("price: {input: 1, output: 1, cached_input: 2}"), "targets.t.price.cached_input"),
    (target("boxes: gemini"), "targets.t.boxes"),
    (upstream("base_url: 'http://far.example', api_key: k"), "upstreams.u.base_url"),
    ("upstreams: {google: {dialect: gemini, egress: google}}", "targets.qwen-vl"),
    (
        "targets: {t: {upstream: google, model: m}}\nroles: {r: {targets: [t, qwen-vl]}}",
        "targets.qwen-vl",
    ),
]


@pytest.mark.parametrize(("text", "key"), ODD)
def test_what_is_hardly_meant_is_a_warning(load: Load, text: str, key: str) -> None:
    told = {problem.key: problem for problem in warnings(load(text))}
    assert told[key].remedy


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/v1", "http://localhost", "http://[::1]:1"])
def test_plain_http_at_home_is_no_warning(load: Load, address: str) -> None:
    assert warnings(load(upstream(f"base_url: '{address}', api_key: k"))) == ()


def test_only_embedding_targets_have_a_length_and_a_space(problems: Problems) -> None:
    text = target("dimensions: 3, space: here")
    assert [problem.key for problem in problems(text)] == [
        "targets.t.dimensions",
        "targets.t.space",
    ]


def test_embeddings_are_not_asked_for_by_way_of_litellm(problems: Problems) -> None:
    text = (
        "extends: builtin\n"
        "upstreams: {u: {dialect: litellm, provider: anthropic, api_key: k}}\n"
        "targets: {t: {upstream: u, model: m, kind: embedding}}\n"
    )
    assert [problem.key for problem in problems(text)] == ["targets.t.upstream"]
