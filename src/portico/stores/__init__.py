"""What every store of tables stands on: connections, deadlines, a breaker, numbered migrations."""
