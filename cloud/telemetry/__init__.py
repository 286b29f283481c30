"""What gateways bring: tags, readings, latest values, gaps; and what a machine is doing, told from them."""
