"""Logs, counters and spans. Imports no room; every room may import it."""
