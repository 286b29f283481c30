"""Drivers: one package a protocol, each with config, decode (pure), plan where needed, and driver (the session)."""
