"""Phones that were away: what changed meanwhile, what they did meanwhile, and what changes now."""
