"""What keeps a machine from its OEE, what a change would bring, and what an accepted one has brought."""
