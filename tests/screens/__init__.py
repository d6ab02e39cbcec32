"""Screens whose truth is known from the page they were drawn from."""
