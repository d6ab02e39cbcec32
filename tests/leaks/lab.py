"""The lab in its town: gateway, sidecar and gate at work, and layers that can be taken away."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

import certifi
from msgspec import structs

from portico.egress.tunnels.engines import render
from portico.egress.tunnels.firewall import exits
from portico.egress.tunnels.inlets import Inlet, Listeners, vias
from portico.egress.tunnels.values import VISION, Reality, Shadowsocks, Vless
from tests.egress.tunnels.engines import Engines
from tests.leaks.agent import TRUST
from tests.leaks.houses import ROOT, Agent, House, until
from tests.leaks.town import DNS, EXIT1, EXIT2, GATE, NAME, SIDECAR, WORLD, Town
from tests.leaks.townsfolk import FETCH_PORT, GATE_PORT, LAX_PORT, ROGUE_PORT

DEPLOY = ROOT / "deploy/egress"
UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PRIVATE_KEY = "4GW9rLIyHz46gavNGsFcCMdiFMsdSKiSWvixeLSrEkY"
PUBLIC_KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
METHOD, KEY = "2022-blake3-aes-128-gcm", "3W7L9U8N+oJhrjx7H10K3Q=="
CONTROL_PORT = 3130
PORTICO = str(Path(sys.executable).with_name("portico"))
LINKS = f"""
extends: builtin
egress: {{links: {{kind: tunnel, via: ["http://{GATE}:{FETCH_PORT}"]}}}}
upstreams: {{google: {{egress: direct}}, world: {{base_url: "https://world.test/v1"}}}}
pictures: {{egress: links}}
boundary: {{outside: ["{WORLD}:443"]}}
"""
SIGN_IN = ("portico", "harness")
COUNTING = 10100  # the user who counts, as in `sidecar.sh`
ASTRAY = {"loose": 21011, "empty": 21012, "named": 21013}

REALITY = Vless(EXIT1, 443, UUID, Reality(PUBLIC_KEY, "site.test", "0123456789abcdef"), flow=VISION)
INLETS = (
    Inlet("one", 21001, REALITY),
    Inlet("two", 21002, Shadowsocks(EXIT2, 8388, METHOD, KEY)),
)
LISTENERS = Listeners(SIDECAR, "http", *SIGN_IN, reach=((NAME, 443),))


class Layer(StrEnum):
    """What stands between the gateway and Google, each for itself."""

    TYPES = "gateway's types"
    ENGINE = "engine's configuration"
    FIREWALL = "sidecar's firewall"
    NAMESPACE = "gateway's namespace"
    LIST = "gate's list"


class Lab:
    """
    Everything that runs. `removed` are the layers that are missing at the moment.

    `capable` is a gateway that kept a container's usual capabilities: a weakness of its namespace.
    """

    def __init__(self, folder: Path, engines: Engines) -> None:
        self.folder = folder
        self.engines = engines
        self.removed: frozenset[Layer] = frozenset()
        self.capable = False
        self._counting = tempfile.TemporaryDirectory(prefix="portico-counters-")
        self.counters = Path(self._counting.name, "google.json")
        self.town = Town(folder)
        try:
            self._move_in()
        except BaseException:
            self.tear_down()
            raise

    def tear_down(self) -> None:
        """Leave nothing behind."""
        self.town.tear_down()
        self._counting.cleanup()

    def _move_in(self) -> None:
        town = self.town
        for name in ("google", "world"):
            self._person(name, town[name])
        self._person("site", town["exit1"])
        self._person("gate", town["gate"])
        roots = self.folder / "roots.pem"  # of everybody in the gateway's house, and nowhere else
        roots.write_text(Path(certifi.where()).read_text() + TRUST.read_text())
        town["gateway"].run("mount", "--bind", str(roots), certifi.where())
        for name in ("exit1", "exit2"):
            town[name].names(DNS)
        for name in ("sidecar", "gate"):  # the worst case: nothing but the firewall is in the way
            town[name].names(DNS)
            town[name].sysctl({"ipv4/ip_forward": "1"})
        self._exits = {name: self._exit(name) for name in ("exit1", "exit2")}
        self.rules = self._rules()
        self._sidecar = self._start_sidecar()
        self._person("rogue", town["sidecar"])
        links = self.folder / "links.yaml"
        links.write_text(LINKS)
        told = ["--config", str(links), "--path", "links", "--listen", f"{GATE}:{FETCH_PORT}"]
        town["gate"].start([PORTICO, "egress", "gate", *told])
        told = ["--config", str(links), "--listen", GATE, "--port", str(CONTROL_PORT)]
        town["gate"].start([PORTICO, "egress", "control", *told])  # which has a way out
        self._agents = {
            "gateway": Agent(town["gateway"]),
            "capable": Agent(town["gateway"], bare=False),
            "sidecar": Agent(town["sidecar"]),
        }
        listened = [("google", 443), ("world", 443), ("exit1", 8443), ("gate", GATE_PORT)]
        listened += [("exit1", 443), ("exit2", 8388), ("sidecar", 21001), ("sidecar", 21002)]
        listened += [("sidecar", ROGUE_PORT), ("gate", FETCH_PORT), ("gate", CONTROL_PORT)]
        for house, port in listened:
            town[house].listening(port)

    def _person(self, role: str, house: House) -> None:
        command = [sys.executable, "-m", "tests.leaks.townsfolk", role, str(self.folder)]
        house.start(command)

    def _exit(self, name: str) -> "subprocess.Popen[bytes]":
        place = self.folder / name
        place.mkdir(exist_ok=True)
        kind, configured = ("xray", _vless()) if name == "exit1" else ("sing-box", _shadowsocks())
        return self.town[name].start(self.engines.command(kind, configured, place))

    def _rules(self) -> Path:
        place = self.folder / "rules"
        place.mkdir()
        shutil.copy(DEPLOY / "sidecar.nft", place)
        (place / "exits.nft").write_text(exits(INLETS))
        return place

    def _start_sidecar(self) -> "subprocess.Popen[bytes]":
        place = self.folder / "sidecar"
        place.mkdir(exist_ok=True)
        command = self.engines.command("xray", render(INLETS, LISTENERS), place)
        script = str(DEPLOY / "sidecar.sh")
        self.counters.parent.chmod(0o755)
        os.chown(self.counters.parent, COUNTING, COUNTING)
        told = {"PORTICO_COUNTERS": str(self.counters), "PORTICO_COUNT_EVERY": "0.25"}
        words = [script, str(self.rules), *command]
        return self.town["sidecar"].start(words, environment=told)

    # -- who acts

    @property
    def gateway(self) -> Agent:
        """Somebody in the gateway's house."""
        return self._agents["capable" if self.capable else "gateway"]

    @property
    def strong(self) -> Agent:
        """Somebody in the gateway's house who may change its network."""
        return self._agents["capable"]

    @property
    def sidecar(self) -> Agent:
        """Somebody in the sidecar's house."""
        return self._agents["sidecar"]

    @property
    def listeners(self) -> list[str]:
        """Where the gateway asks for Google: the tunnels', or those of an engine gone astray."""
        if Layer.ENGINE in self.removed:
            return [listener(ASTRAY["loose"])]
        return [listener(each.port) for each in vias(INLETS, LISTENERS)]

    @property
    def sidecar_at(self) -> tuple[str, int]:
        """Where the first of `listeners` is."""
        return SIDECAR, int(self.listeners[0].rpartition(":")[2])

    def asking(self, target: str) -> str:
        """A request for *target* as the sidecar's listeners take it."""
        own = b64encode(":".join(SIGN_IN).encode()).decode()
        return f"CONNECT {target} HTTP/1.1\r\nproxy-authorization: Basic {own}\r\n\r\n"

    @property
    def gate(self) -> tuple[str, int]:
        """Where the gateway asks for everything else."""
        return GATE, LAX_PORT if Layer.LIST in self.removed else GATE_PORT

    @property
    def control(self) -> str:
        """Where the negative control listens."""
        return f"{GATE}:{CONTROL_PORT}"

    @property
    def gate_for_links(self) -> tuple[str, int]:
        """Where the gateway asks for what stands in messages."""
        return GATE, LAX_PORT if Layer.LIST in self.removed else FETCH_PORT

    @contextmanager
    def astray(self, name: str) -> Iterator[None]:
        """
        An engine beside the right one, wrongly configured, listens at `ASTRAY[name]` for a while.

        No longer: engines dial again what was refused, and would leak into somebody else's test.
        """
        port, house, place = ASTRAY[name], self.town["sidecar"], self.folder / name
        place.mkdir(exist_ok=True)
        kind, configured = {
            "loose": ("xray", _loose(port)),
            "empty": ("sing-box", _empty(port)),
            "named": ("xray", _named(port)),
        }[name]
        command = self.engines.command(kind, configured, place)
        process = house.start(command, port=port, bare=True)
        try:
            yield
        finally:
            house.end(process)

    # -- layers

    @contextmanager
    def without(self, *layers: Layer, capable: bool = False) -> Iterator[None]:
        """Do without *layers* for a while; what the street has seen is forgotten at both ends."""
        with ExitStack() as stack:
            stack.callback(self.town.reset)
            if Layer.NAMESPACE in layers:
                stack.callback(self.town.close_gateway)
                self.town.open_gateway()
            if Layer.FIREWALL in layers:
                stack.callback(self.load_rules)
                self.town["sidecar"].run("nft", "delete", "table", "inet", "portico_egress")
            if Layer.ENGINE in layers:
                stack.enter_context(self.astray("loose"))
            stack.callback(self._restore, self.removed, self.capable)
            self.removed, self.capable = frozenset(layers), capable
            self.town.reset()
            yield

    def _restore(self, removed: frozenset[Layer], capable: bool) -> None:
        self.removed, self.capable = removed, capable

    def load_rules(self) -> None:
        """Load the sidecar's firewall, as `sidecar.sh` does."""
        rules = self.rules
        self.town["sidecar"].run("nft", "-I", str(rules), "-f", str(rules / "sidecar.nft"))

    # -- what becomes of tunnels

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Both exits' servers are gone; they come back."""
        for name, process in self._exits.items():
            self.town[name].end(process)
        try:
            yield
        finally:
            self._exits = {name: self._exit(name) for name in self._exits}
            self.town["exit1"].listening(443)
            self.town["exit2"].listening(8388)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Both exits' servers take connections and say nothing."""
        with self._signalled([(self.town[name], each) for name, each in self._exits.items()]):
            yield

    @contextmanager
    def engine_frozen(self) -> Iterator[None]:
        """The sidecar's engine takes connections and says nothing."""
        with self._signalled([(self.town["sidecar"], self._sidecar)]):
            yield

    @contextmanager
    def _signalled(self, all_: "list[tuple[House, subprocess.Popen[bytes]]]") -> Iterator[None]:
        for house, process in all_:
            house.signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for house, process in all_:
                house.signal(process, signal.SIGCONT)

    @contextmanager
    def engine_killed(self) -> Iterator[None]:
        """The sidecar's engine is gone; it comes back."""
        self.town["sidecar"].end(self._sidecar)
        try:
            yield
        finally:
            self._sidecar = self._start_sidecar()
            self.town["sidecar"].listening(21002, self._sidecar)

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """What goes to the exits or comes from there is lost on the way."""
        street = self.town["street"]
        rule = f"add rule inet street lost ip {{}} {{{{ {EXIT1}, {EXIT2} }}}} drop"
        street.run("nft", rule.format("daddr"))
        street.run("nft", rule.format("saddr"))
        try:
            yield
        finally:
            street.run("nft", "flush chain inet street lost")

    def uncounted(self) -> None:
        """Begin to count anew what the sidecar's firewall holds back."""
        self.town["sidecar"].run("nft", "reset", "counters")

    def recounted(self) -> None:
        """Wait until what the sidecar's firewall counts has been written down anew."""
        now = time.time_ns()
        until(lambda: self.counters.stat().st_mtime_ns > now, "the counters are written", 5)

    def lines(self, name: str) -> list[str]:
        """Return what somebody has noted: `google`, `world` or `names`."""
        file = self.folder / f"{name}.seen"
        return file.read_text().splitlines() if file.exists() else []

    def leaked(self, kind: str) -> bool:
        """Wait until the street has seen a packet of *kind*."""
        until(lambda: kind in self.town.seen(), f"a leak of {kind}", 5)
        return True


def listener(port: int) -> str:
    """The address of a listener of the sidecar, with its password."""
    return f"http://{':'.join(SIGN_IN)}@{SIDECAR}:{port}"


def _inbound(port: int) -> dict[str, object]:
    accounts = [{"user": SIGN_IN[0], "pass": SIGN_IN[1]}]
    settings = {"accounts": accounts}
    return {"listen": SIDECAR, "port": port, "protocol": "http", "settings": settings}


def _loose(port: int) -> str:
    """What must never be written: whatever no rule matches goes straight out."""
    freedom = {"protocol": "freedom", "streamSettings": {"sockopt": {"domainStrategy": "UseIPv4"}}}
    quiet = {"log": {"loglevel": "none"}}
    return json.dumps(quiet | {"inbounds": [_inbound(port)], "outbounds": [freedom]})


def _empty(port: int) -> str:
    """No outbounds: sing-box makes itself a direct one."""
    users = [{"username": SIGN_IN[0], "password": SIGN_IN[1]}]
    inbound = {"type": "http", "listen": SIDECAR, "listen_port": port, "users": users}
    return json.dumps({"log": {"disabled": True}, "inbounds": [inbound]})


def _named(port: int) -> str:
    """A tunnel's server given by name, which the sidecar would have to look up."""
    inlet = Inlet("named", port, structs.replace(REALITY, address="exit1.test"))
    return render((inlet,), LISTENERS)


def _vless() -> str:
    reality = {"target": "127.0.0.1:8443", "serverNames": ["site.test"]}
    reality |= {"privateKey": PRIVATE_KEY, "shortIds": ["0123456789abcdef"]}
    inbound = {
        "listen": "0.0.0.0",
        "port": 443,
        "protocol": "vless",
        "settings": {"clients": [{"id": UUID, "flow": VISION}], "decryption": "none"},
        "streamSettings": {"network": "raw", "security": "reality", "realitySettings": reality},
    }
    freedom = {"protocol": "freedom", "streamSettings": {"sockopt": {"domainStrategy": "UseIPv4"}}}
    return json.dumps({"log": {"loglevel": "none"}, "inbounds": [inbound], "outbounds": [freedom]})


def _shadowsocks() -> str:
    inbound = {"type": "shadowsocks", "listen": "0.0.0.0", "listen_port": 8388}
    inbound |= {"method": METHOD, "password": KEY}
    return json.dumps(
        {
            "log": {"disabled": True},
            "dns": {"servers": [{"type": "local", "tag": "own"}], "strategy": "ipv4_only"},
            "inbounds": [inbound],
            "outbounds": [{"type": "direct", "tag": "out"}],
            "route": {"default_domain_resolver": "own"},
        }
    )
