"""Moving in: what an older backend kept in SQLite, brought into PostgreSQL."""
