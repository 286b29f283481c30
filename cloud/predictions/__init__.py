"""What may happen: unplanned stops, learned from a plant's own history and held against simple rivals."""
