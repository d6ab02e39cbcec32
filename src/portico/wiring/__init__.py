"""
The composition root: the only room that names concrete backends.

Everything with a lifetime is opened here, in one place, and closed in reverse. What only commands
need is imported from the module that has it: whoever serves does without.
"""

from portico.wiring.building import hosts, way
from portico.wiring.engines import carried, read_tunnels
from portico.wiring.erasing import forget_person, sweep_stores
from portico.wiring.keys import keyring, open_keyring
from portico.wiring.serving import open_serving
from portico.wiring.sharing import hub_beside
from portico.wiring.similar import similar_trouble

__all__ = [
    "carried",
    "forget_person",
    "hosts",
    "hub_beside",
    "keyring",
    "open_keyring",
    "open_serving",
    "read_tunnels",
    "similar_trouble",
    "sweep_stores",
    "way",
]
