"""The wire between gateway and cloud, version 1: a batch of readings goes up, a receipt comes back."""
