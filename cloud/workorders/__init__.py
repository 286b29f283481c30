"""Work orders and their stages: what the floor is to make, and when."""
