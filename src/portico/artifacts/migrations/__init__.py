"""The steps by which the tables of the index came to be."""
