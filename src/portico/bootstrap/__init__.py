"""Bootstrap: what a machine needs before Portico serves on it, made once and found again."""
