"""Packages that were removed, copies that were deleted or confirmed, and the events of a package."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OF_PACKAGES = """
INSERT INTO event (number, package_id, kind)
SELECT journal.number, package.id, journal.kind
FROM journal JOIN package ON package.uuid = replace(json_extract(CAST(body AS TEXT), '$.package'), '-', '')
WHERE journal.kind IN ('package-added', 'copy-recorded')
"""


def upgrade() -> None:
    op.add_column("package", sa.Column("removed_at", sa.BigInteger(), nullable=True))
    for name, columns in (
        ("package_by_verdict", ["verdict", "identifier"]),
        ("package_by_copies", ["verdict", "copies"]),
    ):
        _kept_in_use(name, "package", columns)
    op.add_column("copy", sa.Column("removed_at", sa.BigInteger(), nullable=True))
    op.add_column("copy", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.add_column("copy", sa.Column("confirmed_check", sa.Integer(), nullable=True))
    _kept_in_use("copy_by_replica", "copy", ["replica_id", "shards"])
    op.create_table(
        "event",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["journal.number"]),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("event_by_package", "event", ["package_id", "number"], unique=False)
    op.execute(_OF_PACKAGES)


def _kept_in_use(name: str, table: str, columns: list[str]) -> None:
    """The index again, without what was removed."""
    op.drop_index(name, table_name=table)
    op.create_index(name, table, columns, unique=False, sqlite_where=sa.text("removed_at IS NULL"))
