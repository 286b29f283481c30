"""Gateways: their names, tokens, and when they were last heard."""
