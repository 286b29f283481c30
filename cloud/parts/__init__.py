"""Parts: what is made, and how fast it can be made where."""
