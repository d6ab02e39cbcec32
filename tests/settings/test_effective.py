import json
from collections.abc import Callable

from portico.settings import Settings, effective, load_settings

type Load = Callable[..., Settings]

TEXT = """
extends: builtin
upstreams:
  google: {headers: {x-team: "${TEAM}"}}
targets:
  qwen-vl: {tier: 3}
stores:
  ledger: postgresql://portico:${PASSWORD}@db/portico
egress:
  google: {via: ["socks5h://u:${PASSWORD}@t:1"]}
"""
ENVIRON = {"GEMINI_API_KEY": "sk-1", "TEAM": "sk-2", "PASSWORD": "sk-3"}


def test_it_is_json_without_secrets(load: Load) -> None:
    told = effective(load(TEXT, ENVIRON))
    assert "sk-" not in json.dumps(told)
    assert told["values"]["upstreams"]["google"]["api_key"] == "***"
    assert told["values"]["upstreams"]["siliconflow"]["api_key"] == ""
    assert told["values"]["upstreams"]["google"]["headers"] == {"x-team": "***"}
    assert told["values"]["stores"]["ledger"] == "postgresql://***@db/portico"
    assert told["values"]["egress"]["google"]["via"] == ["socks5h://***@t:1"]


def test_every_value_says_where_it_came_from(load: Load) -> None:
    told = effective(load(TEXT, ENVIRON))
    origins = told["origins"]
    assert told["file"].endswith("portico.yaml")
    assert origins["targets.qwen-vl.tier"] == "file"
    assert origins["targets.qwen-vl.model"] == "builtin"
    assert origins["upstreams.google.api_key"] == "environment"
    assert origins["upstreams.siliconflow.api_key"] == "builtin"
    assert origins["upstreams.google.headers.x-team"] == "environment"
    assert origins["egress.google.via"] == "environment"
    assert origins["server.max_body"] == "builtin"
    assert origins["extends"] == "file"


def test_it_names_the_variables_that_would_make_an_upstream_real() -> None:
    told = effective(load_settings(None, {}))
    assert told["variables"]["upstreams.google.api_key"] == ["GEMINI_API_KEY"]
    assert told["origins"]["upstreams.google.api_key"] == "builtin"


def test_there_is_an_origin_for_every_value(load: Load) -> None:
    told = effective(load(TEXT, ENVIRON))
    for section, value in told["values"].items():
        assert any(key.split(".")[0] == section for key in told["origins"]), (section, value)
