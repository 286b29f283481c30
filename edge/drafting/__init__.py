"""Configurations that the tools write: a first one, and one of what was found; each is read back before it is kept."""
