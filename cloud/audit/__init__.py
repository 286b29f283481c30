"""The record of changes, for admins to read."""
