"""The gateway's configuration in the town, as `docs/operations/tunnel.md` puts it together."""

from tests.leaks.lab import Lab
from tests.leaks.town import EXIT1, EXIT2, NAME, WORLD

_TEXT = """
extends: builtin
upstreams:
  google: {{base_url: "https://{name}/v1beta", api_key: harness}}
  world: {{base_url: "https://world.test/v1", api_key: harness, egress: world}}
egress:
  google:
    kind: tunnel
    via: {via}
    on_down: fail
    panic: true
    exit_url: https://{name}/where
    expect: {expect}
  world: {{kind: tunnel, via: ["http://{gate}:{port}#gate"]}}
  links: {{kind: tunnel, via: ["http://{gate}:{links}#links"]}}
pictures: {{egress: links}}
boundary:
  closed: true
  every: 1
  outside: ["{world}:443", "[2606:50c0::10]:443"]
  control: "{control}"
  counters: ["{counters}"]
access: {{required: false}}
"""


def configured(lab: Lab, control: str = "") -> str:
    """Return a configuration that fits the layers that *lab* has at the moment."""
    exits = dict(zip(("1", "2"), (EXIT1, EXIT2), strict=True))
    gate, port = lab.gate
    links = lab.gate_for_links[1]
    return _TEXT.format(
        name=NAME,
        via=lab.listeners,
        expect={each: {"networks": [exits[each]]} for each in list(exits)[: len(lab.listeners)]},
        gate=gate,
        port=port,
        links=links,
        world=WORLD,
        control=control or lab.control,
        counters=lab.counters,
    )
