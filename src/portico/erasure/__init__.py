"""What is to leave no trace: a person in every store, and what has outlived its time."""
