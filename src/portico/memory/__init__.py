"""What can be found again by words, meaning and likeness; nothing here is the only copy."""
