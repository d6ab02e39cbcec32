"""The HTTP surface: HTTP in, chat values through, HTTP out."""
