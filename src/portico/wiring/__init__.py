"""
The composition root: the only room that names concrete backends.

Everything with a lifetime is opened here, in one place, and closed in reverse.
"""

from portico.wiring.backing import bring_back, fetched, make_backup, store_backup
from portico.wiring.buckets import make_bucket
from portico.wiring.building import hosts, way
from portico.wiring.checking import check_egress
from portico.wiring.engines import carried, read_tunnels
from portico.wiring.erasing import forget_person, sweep_stores
from portico.wiring.keys import keyring, open_keyring
from portico.wiring.looking import ledger_trouble, traces_trouble
from portico.wiring.offline import explain_offline, played_at, simulate
from portico.wiring.rebuilding import measure_gate, rebuild_memory
from portico.wiring.serving import open_serving
from portico.wiring.sharing import hub_beside
from portico.wiring.similar import similar_trouble
from portico.wiring.verifying import verify_backup

__all__ = [
    "bring_back",
    "carried",
    "check_egress",
    "explain_offline",
    "fetched",
    "forget_person",
    "hosts",
    "hub_beside",
    "keyring",
    "ledger_trouble",
    "make_backup",
    "make_bucket",
    "measure_gate",
    "open_keyring",
    "open_serving",
    "played_at",
    "read_tunnels",
    "rebuild_memory",
    "similar_trouble",
    "simulate",
    "store_backup",
    "sweep_stores",
    "traces_trouble",
    "verify_backup",
    "way",
]
