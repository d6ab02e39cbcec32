"""What is on a screen, in one schema."""
