"""A plant's past from before the service, brought in from its own logs: kept apart, and seen from its arrival on."""
