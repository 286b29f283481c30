"""What machines did: states, counts and the reasons of stops, derived from readings and told by people."""
