"""What the operator reads and does."""
