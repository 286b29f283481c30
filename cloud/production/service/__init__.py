"""What can be done with states, counts and reasons."""
