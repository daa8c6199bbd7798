"""Alembic's entry: runs the revisions on the connection, and in the transaction, that `opening` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
