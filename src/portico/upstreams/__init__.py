"""Those who answer. Each backend turns one wire dialect into deltas and failures."""
