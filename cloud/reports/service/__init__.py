"""What is asked of figures: a dashboard, a trend, a report."""
