"""Portico: the gateway of an AI design workspace."""

__version__ = "0.1.0"
