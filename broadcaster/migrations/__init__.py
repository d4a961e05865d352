"""Alembic migrations of the rows, from the first table."""
