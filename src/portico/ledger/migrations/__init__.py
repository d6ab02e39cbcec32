"""The ledger's tables, step by step: `<store>/<number>_<what>.sql`, never edited once released."""
