"""What can be asked of the figures, and how they follow what changed."""
