from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.errors import ConfigError, Problem
from portico.settings import Settings, load_settings
from portico.settings.model import Server, Stores

type Load = Callable[..., Settings]
type Problems = Callable[..., tuple[Problem, ...]]

OWN = """
upstreams:
  u: {base_url: "http://127.0.0.1:1/v1", api_key: k}
targets:
  a: {upstream: u, model: m}
roles:
  r: {targets: [a]}
"""


def test_without_a_file_and_keys_everything_is_simulated_and_needs_no_tunnel() -> None:
    built_in = load_settings(None, {})
    assert all(upstream.simulated for upstream in built_in.upstreams.values())
    assert built_in.paths_in_use == frozenset()
    assert list(built_in.roles) == ["design", "vision", "code", "devops", "background"]


def test_a_key_makes_an_upstream_real_and_its_path_needed() -> None:
    keyed = load_settings(None, {"GEMINI_API_KEY": "k"})
    assert not keyed.upstreams["google"].simulated
    assert keyed.upstreams["siliconflow"].simulated
    assert keyed.paths_in_use == {"google"}


def test_the_built_in_stores_are_the_documented_defaults() -> None:
    assert load_settings(None, {}).stores == Stores()


def test_portico_home_moves_the_embedded_stores() -> None:
    stores = load_settings(None, {"PORTICO_HOME": "/data"}).stores
    assert stores.ledger.get_secret_value() == "sqlite:////data/ledger.db"
    assert stores.memory.get_secret_value() == "local:////data/memory"


def test_the_tunnel_of_the_built_in_path_comes_from_the_environment() -> None:
    tunnel = load_settings(None, {"PORTICO_GOOGLE_TUNNEL": "socks5h://t:9"}).egress["google"]
    assert [proxy.get_secret_value() for proxy in tunnel.via] == ["socks5h://t:9"]


def test_a_file_may_hold_one_section_only(load: Load) -> None:
    loaded = load("server: {max_body: 1MB}\n")
    assert loaded.server == Server(max_body=1_000_000)
    assert loaded.targets == load_settings(None, {}).targets


def test_a_file_with_its_own_targets_keeps_no_built_in_role(load: Load) -> None:
    assert list(load(OWN.split("roles")[0]).roles) == []


def test_numbers_and_switches_may_come_from_the_environment(load: Load) -> None:
    text = 'access: {required: "${REQUIRED}"}\nserver: {drain: "${DRAIN}", max_body: "${BODY}"}'
    loaded = load(text, {"REQUIRED": "true", "DRAIN": "1.5", "BODY": "1MiB"})
    assert loaded.access.required is True
    assert loaded.server.drain == 1.5
    assert loaded.server.max_body == 1_048_576


def test_a_key_of_digits_from_the_environment_stays_text(load: Load) -> None:
    loaded = load(OWN.replace("api_key: k", 'api_key: "${K}"'), {"K": "0012\n"})
    assert loaded.upstreams["u"].api_key.get_secret_value() == "0012"


def test_an_empty_optional_value_is_null(load: Load) -> None:
    loaded = load(OWN.replace("targets: [a]", 'targets: [a], hedge_after: "${HEDGE:-}"'))
    assert loaded.roles["r"].hedge_after is None


def test_rescue_off_is_a_word(load: Load) -> None:
    assert load(OWN.replace("targets: [a]", "targets: [a], rescue: off")).roles["r"].rescue == "off"


def test_settings_cannot_be_changed(load: Load) -> None:
    loaded = load(OWN)
    with pytest.raises(ValueError, match="frozen"):
        loaded.server = Server()  # type: ignore[misc]


def test_no_repr_dump_or_error_shows_a_secret(load: Load, problems: Problems) -> None:
    text = OWN.replace("api_key: k", "api_key: ${K}, headers: {x-team: '${K}'}")
    text = text.replace("api_key: ${K}", 'api_key: "${K}"')
    loaded = load(text + "stores: {ledger: 'postgresql://u:${K}@h/d'}", {"K": "sk-secret"})
    assert "sk-secret" not in f"{loaded!r}{loaded}{loaded.model_dump()}{loaded.model_dump_json()}"
    refused = problems(text.replace("model: m", "modle: m"), {"K": "sk secret"})
    assert len(refused) == 3  # the key, the unknown `modle`, the missing `model`
    assert "secret" not in str(refused)


EVERYTHING = """\
upstreams:
  google: {dialect: gemni, egress: googel}
  u: {base_url: "http://h/v1", api_key: k}
targets:
  a:
    upstream: uu
    model: m
    teir: 1
  b:
    upstream: u
    model: m
    tier: 0
    price: {input: -1, output: 2}
    patience: {idle: 0}
roles:
  r:
    targets: [a, c]
  s:
    targets: []
    rescue: "${UNSET}"
egress:
  t: {kind: tunnel}
"""


def test_all_problems_are_told_at_once_each_with_line_key_and_remedy(problems: Problems) -> None:
    found = problems(EVERYTHING)
    assert [(problem.line, problem.key) for problem in found] == [
        (2, "upstreams.google.dialect"),
        (2, "upstreams.google.egress"),
        (6, "targets.a.upstream"),
        (8, "targets.a.teir"),
        (12, "targets.b.tier"),
        (13, "targets.b.price.input"),
        (14, "targets.b.patience.idle"),
        (17, "roles.r.targets[1]"),
        (19, "roles.s.targets"),
        (20, "roles.s.rescue"),
        (22, "egress.t.via"),
    ]
    assert all(problem.remedy and problem.message for problem in found)
    assert all(problem.file.endswith("portico.yaml") for problem in found)


def test_a_name_of_the_wrong_type_is_told_once(problems: Problems) -> None:
    found = problems("targets: {a: {upstream: [u], model: m}}\nroles: {r: {targets: [3, a]}}")
    assert [problem.key for problem in found] == ["targets.a.upstream", "roles.r.targets[0]"]


def test_a_value_that_could_not_be_filled_is_told_once(problems: Problems) -> None:
    (problem,) = problems(OWN.replace("model: m", 'model: "${GONE}"'))
    assert problem.remedy == "set GONE or write ${GONE:-default}"


def test_problems_of_the_environment_alone_have_no_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"PORTICO_GOOGLE_TUNNEL": "socks5://h:1"})
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.key) == ("", None, "egress.google.via[0]")


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml", {})


WORDS = st.sampled_from(
    ["upstreams", "targets", "roles", "egress", "stores", "extends", "builtin", "google", "a"]
) | st.sampled_from(
    ["upstream", "model", "kind", "via", "price", "input", "breaker", "patience", "api_key"]
)
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | WORDS | st.just("${X}")
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=15,
)


def told(path: Path) -> tuple[Problem, ...]:
    try:
        load_settings(path, {})
    except ConfigError as error:
        return error.problems
    return ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(tree=st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
def test_any_tree_gives_settings_or_problems_with_remedies(tmp_path: Path, tree: object) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    assert all(problem.remedy and problem.message for problem in told(path))
