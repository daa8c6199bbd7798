"""The tables of the day, from which no history follows: who leads, who is alive, who was told; and the search index."""

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, MetaData, Table, Text

from preserve.catalog.moments import Moment

metadata = MetaData()  # of all tables: see schema.py

# One row while somebody leads.
leader = Table(
    "leader",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("claimed_at", Moment, nullable=False),  # or prolonged
    Column("expires_at", Moment, nullable=False),
)

# One row once `serve` was ever alive.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("holder", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("every_seconds", Float, nullable=False),
    Column("next_run_at", Moment),
    Column("audit_id", Integer),
    Column("version", Text, nullable=False),
)

# What somebody was told of. That a cause was acknowledged stands in the journal as well.
alert = Table(
    "alert",
    metadata,
    Column("key", Text, primary_key=True),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("count", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("sent_at", Moment),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Text, nullable=False),
    Column("closed_at", Moment),
)

channel = Table(
    "channel",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last_ok_at", Moment),
    Column("failed_at", Moment),
    Column("why", Text, nullable=False),
)

# Search by part of a name: see naming.py. Rebuilt at will.
name_index = Table(
    "name_index",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("first_shard", Integer, nullable=False),
    Column("last_shard", Integer, nullable=False),
    Column("starts", LargeBinary, nullable=False),
)

name_slice = Table(
    "name_slice",
    metadata,
    Column("index_id", Integer, ForeignKey("name_index.id"), primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("blocks", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
