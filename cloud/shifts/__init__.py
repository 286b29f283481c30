"""When it is planned to work: patterns of shifts, exceptions to them, and their occurrences."""
