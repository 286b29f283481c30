"""Changing the configuration of a gateway that runs."""
