"""How a catalog's tables come to be, step by step, run by Alembic from `preserve.catalog.opening`."""
