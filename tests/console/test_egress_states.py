"""How the console shows the state of a tunnel."""

from portico.console.egress import STATES
from portico.egress.health import State


def test_every_state_of_a_tunnel_has_a_colour() -> None:
    assert STATES.keys() == set(State)
