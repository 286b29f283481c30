"""The buffer: readings between source and cloud, on disk before anybody hears that they were taken."""
