"""Which way packets leave: direct, or through a tunnel that fails closed."""
