"""The error bodies of each provider, by the name of the fault that brings them."""
