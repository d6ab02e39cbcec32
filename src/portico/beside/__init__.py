"""What runs beside a gateway that has no way out: its gates, and the control of its check."""
