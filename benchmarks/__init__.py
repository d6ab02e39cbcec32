"""What a request through the gateway costs here, beside nginx; run as `benchmarks.run`."""
