"""Owns what can be done with shifts, and what was told of them when."""
