"""Between driver and buffer: shape turns what was decoded into what is kept, station owns one connection."""
