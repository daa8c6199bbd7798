"""The catalog's tables, as its queries see them. What makes them is `migrations`; a test holds the two together.

Everything but `journal`, `record`, `lease` and what stands in `dayschema` is a projection of the journal and of the
inventories' records.
Times are microseconds since 1970 UTC; sizes are bytes; digests and roots are 32 raw bytes.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from preserve.catalog.dayschema import alert as alert
from preserve.catalog.dayschema import channel as channel
from preserve.catalog.dayschema import heartbeat as heartbeat
from preserve.catalog.dayschema import leader as leader
from preserve.catalog.dayschema import metadata as metadata
from preserve.catalog.dayschema import name_index as name_index
from preserve.catalog.dayschema import name_slice as name_slice
from preserve.catalog.moments import Moment


def _link(target: str) -> ForeignKey:
    return ForeignKey(f"{target}.id")


catalog = Table(
    "catalog",
    metadata,
    Column("id", Integer, primary_key=True),  # one row: 1
    Column("uuid", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_token", BigInteger, nullable=False),  # of the last lease ever given
)

collection = Table(
    "collection",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

package = Table(
    "package",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("identifier", Text, nullable=False, unique=True),
    Column("collection_id", Integer, _link("collection"), nullable=False),
    Column("inventory_id", Integer, nullable=False),  # current; no foreign key, for each would wait for the other
    Column("source", LargeBinary),
    Column("added_at", Moment, nullable=False),
    # Kept by verdicts.renew_verdicts: of the current version, on replicas in use.
    Column("verdict", Text, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("removed_at", Moment),  # deaccessioned: its history stays, nothing more is done about it
    Index("package_by_verdict", "verdict", "identifier", sqlite_where=text("removed_at IS NULL")),
    Index("package_by_copies", "verdict", "copies", sqlite_where=text("removed_at IS NULL")),
)

inventory = Table(
    "inventory",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("package_id", Integer, _link("package"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("parent_id", Integer, _link("inventory")),
    Column("root", LargeBinary, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("shards", Integer, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("large_files", LargeBinary),  # whole-file digests of segmented files, see columns.py
    Column("large_root", LargeBinary),
    UniqueConstraint("package_id", "version"),
)

shard = Table(
    "shard",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("inventory_id", Integer, _link("inventory"), nullable=False),
    Column("start", LargeBinary, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes_to_read", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    UniqueConstraint("inventory_id", "start"),
)

# Apart from `shard`, so that planning does not walk over megabytes of digests.
record = Table(
    "record",
    metadata,
    Column("shard_id", Integer, _link("shard"), primary_key=True),
    Column("paths", LargeBinary, nullable=False),
    Column("sizes", LargeBinary, nullable=False),
    Column("digests", LargeBinary, nullable=False),
    Column("segments", LargeBinary),
)

replica = Table(
    "replica",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("removed_at", Moment),
    Index("replica_name", "name", unique=True, sqlite_where=text("removed_at IS NULL")),
)

copy = Table(
    "copy",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("inventory_id", Integer, _link("inventory"), nullable=False),
    Column("replica_id", Integer, _link("replica"), nullable=False),
    Column("package_id", Integer, _link("package"), nullable=False),
    Column("location", LargeBinary, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    # The summary, recomputed for a copy whenever a check of it is committed.
    Column("shards", Integer, nullable=False),
    Column("shards_read", Integer, nullable=False),
    Column("oldest_read_at", Moment),
    Column("damage", Integer, nullable=False),
    Column("undetermined", Integer, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("removed_at", Moment),  # with its package: no longer looked after
    Column("deleted_at", Moment),  # and no longer there, by our own hand
    Column("confirmed_check", Integer),  # a person confirmed what had changed up to here; see freezing.py
    UniqueConstraint("inventory_id", "replica_id"),
    Index("copy_by_package", "package_id"),
    # For the status of replicas: the first never changes, the second holds what is in trouble only.
    Index("copy_by_replica", "replica_id", "shards", sqlite_where=text("removed_at IS NULL")),
    Index(
        "copy_in_trouble",
        "replica_id",
        "damage",
        "undetermined",
        "warnings",
        sqlite_where=text("damage + undetermined + warnings > 0"),
    ),
)

# One time for each level of evidence. The indexes hold all that `due` asks before it has chosen.
shard_state = Table(
    "shard_state",
    metadata,
    Column("copy_id", Integer, _link("copy"), primary_key=True),
    Column("shard_id", Integer, _link("shard"), primary_key=True),
    Column("replica_id", Integer, nullable=False),
    Column("listed_at", Moment),
    Column("sized_at", Moment),
    Column("claimed_at", Moment),
    Column("read_at", Moment),
    Column("read_medium_at", Moment),
    Column("outcome", Text),
    Column("not_before", Moment),
    Column("failures", Integer, nullable=False),  # in a row, without reaching what was required
    Column("wanted", Text),  # why it is to be read soon, and since when; see asking.py
    Column("wanted_at", Moment),
    Index("due_read", "replica_id", "read_at", "copy_id", "shard_id", "not_before"),
    Index("due_read_medium", "replica_id", "read_medium_at", "copy_id", "shard_id", "not_before"),
    Index("unsettled", "replica_id", "not_before", "copy_id", "shard_id", sqlite_where=text("failures > 0")),
    Index("wanted", "replica_id", "wanted_at", "copy_id", "shard_id", sqlite_where=text("wanted IS NOT NULL")),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("opened_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("state", Text, nullable=False),
    Column("required", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("planned", "done", "passed", "failed", "inconclusive")
    ),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("files_good", "files_bad", "files_unread", "bytes_read")
    ),
    Column("reason", Text, nullable=False, server_default=text("''")),  # why it stopped
)

# The set of what an audit set out to do. Done: `check_number` is there.
audit_item = Table(
    "audit_item",
    metadata,
    Column("audit_id", Integer, _link("audit"), primary_key=True),
    Column("copy_id", Integer, _link("copy"), primary_key=True),
    Column("shard_id", Integer, _link("shard"), primary_key=True),
    Column("check_number", Integer),
    Column("token", BigInteger),  # of the lease under which it was done: tells a retry from a latecomer
    sqlite_with_rowid=False,
)

lease = Table(
    "lease",
    metadata,
    Column("copy_id", Integer, _link("copy"), primary_key=True),
    Column("shard_id", Integer, _link("shard"), primary_key=True),
    Column("audit_id", Integer, _link("audit"), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("given_at", Moment),  # or prolonged; None: by an older program
    Index("lease_by_audit", "audit_id"),
    sqlite_with_rowid=False,
)

# `check` is a word of SQL.
shard_check = Table(
    "shard_check",
    metadata,
    Column("number", Integer, ForeignKey("journal.number"), primary_key=True),
    Column("audit_id", Integer, _link("audit")),
    Column("copy_id", Integer, _link("copy"), nullable=False),
    Column("shard_id", Integer, _link("shard"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("evidence", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("good", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("bytes_read", BigInteger, nullable=False),
    Index("shard_check_by_copy", "copy_id", "number"),
)

# `path` is empty for what concerns the whole copy; `shard_id` is then 0 for the codes in transitions.COPY_WIDE.
# A file in several shards may have a row for each: only the shard that saw the damage can say that it is gone.
finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("copy_id", Integer, _link("copy"), nullable=False),
    Column("shard_id", Integer, nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("opened_check", Integer, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("seen_check", Integer, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("closed_check", Integer),
    Column("closed_at", Moment),
    Index("finding_open", "copy_id", "shard_id", "path", sqlite_where=text("closed_at IS NULL")),
    Index("finding_by_copy", "copy_id", "seen_at"),
    Index(
        "finding_one_error",
        "copy_id",
        "shard_id",
        "path",
        unique=True,
        sqlite_where=text("closed_at IS NULL AND severity = 'error'"),
    ),
)

journal = Table(
    "journal",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # Checks are most of the links, and are found by `shard_check`.
    Index("journal_by_kind", "kind", "number", sqlite_where=text("kind <> 'check'")),
)

# Which links of the journal speak of a package, besides the checks of its copies: for its PREMIS and its history.
event = Table(
    "event",
    metadata,
    Column("number", Integer, ForeignKey("journal.number"), primary_key=True),
    Column("package_id", Integer, _link("package"), nullable=False),
    Column("kind", Text, nullable=False),
    Index("event_by_package", "package_id", "number"),
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True),  # one row: 1
    Column("number", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
