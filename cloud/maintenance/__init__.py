"""Maintenance: what was done to machines, what is to be done, and when it falls due."""
