"""The database schema's history, one Alembic revision a file in `versions`."""
