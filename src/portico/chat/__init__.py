"""What callers and upstreams say to each other: pure values, no I/O, no clock."""
