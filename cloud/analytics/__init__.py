"""What it amounts to: facts that add up, and the figures computed from them."""
