"""Job logs: what was really done, row by row, as an older system or a terminal wrote it down."""
