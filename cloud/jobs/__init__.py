"""Jobs: what customers ordered."""
