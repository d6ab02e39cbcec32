"""A scored set of faults, played against an installation's own routes with simulated upstreams."""
