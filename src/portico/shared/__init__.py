"""What several processes know and count together: limits, and whatever is news to all of them."""
