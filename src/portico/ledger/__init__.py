"""Who and how much: one row a request, one row an attempt, no bodies."""
