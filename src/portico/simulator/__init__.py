"""Upstreams that speak the real dialects, fail on command and say that they are simulated."""
