"""Open WebUI itself, in a real browser, in front of a whole Portico: `make e2e`."""
