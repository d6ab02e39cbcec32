"""Pixels and files: taken in safely, kept once."""
