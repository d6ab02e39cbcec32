"""The lab's tunnels as values: share links in, configurations for a sidecar out. Opens nothing."""
