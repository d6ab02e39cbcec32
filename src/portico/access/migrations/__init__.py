"""The steps by which the tables of keys came to be."""
