"""The mathematics of time and pieces (ISO 22400-2): pure, and of no slice; everybody above may use all of it."""
