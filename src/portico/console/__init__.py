"""The operator's web console: pages that are drawn here, and acts that forms ask for."""
