"""What can be done with work orders: a module each for orders, stages, assignments, production, routes and metrics."""
