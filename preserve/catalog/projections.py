"""The tables that follow from the journal, and what their rows are to people."""

from preserve.catalog.comparing import Projection, Row, shown
from preserve.catalog.known import Known

_TIMES = ("listed_at", "sized_at", "claimed_at", "read_at", "read_medium_at")
_COUNTS = ("planned", "done", "passed", "failed", "inconclusive", "files_good", "files_bad", "files_unread")


def _finding(known: Known, row: Row) -> str:
    _, copy_id, _, path, code = row[:5]
    on = f" on {shown('path', path)}" if path else ""
    return f"the finding {shown('code', code)}{on} of {known.copy_name(copy_id)}"


def _state(known: Known, row: Row) -> str:
    return f"the state of {known.shard_name(row[0], row[1])} of {known.copy_name(row[0])}"


def _item(known: Known, row: Row) -> str:
    return f"the item of audit {row[0]} for {known.shard_name(row[1], row[2])} of {known.copy_name(row[1])}"


def _check(known: Known, row: Row) -> str:
    return f"check {row[0]}, of {known.shard_name(row[2], row[3])} of {known.copy_name(row[2])}"


CHECKS = Projection(
    "shard_check",
    (
        *("number", "audit_id", "copy_id", "shard_id", "started_at", "ended_at", "evidence", "outcome"),
        *("good", "bad", "unread", "bytes_read"),
    ),
    1,
    _check,
    link=0,
)

PROJECTIONS = (
    Projection("catalog", ("id", "uuid", "created_at"), 1, lambda known, row: "the catalog's own row"),
    Projection(
        "collection",
        ("name",),
        1,
        lambda known, row: f"the collection {shown('name', row[0])}",
        # One that was made for a package which was then refused is nobody's: it says nothing.
        where="WHERE EXISTS (SELECT 1 FROM {schema}.package AS p WHERE p.collection_id = t.id)",
    ),
    Projection(
        "package",
        (
            *("id", "uuid", "identifier", "collection", "inventory_id", "source", "added_at"),
            *("verdict", "copies", "removed_at"),
        ),
        1,
        lambda known, row: known.package_name(row[0]),
        read={"collection": "(SELECT name FROM {schema}.collection AS c WHERE c.id = t.collection_id)"},
    ),
    Projection(
        "inventory",
        (
            *("id", "package_id", "version", "parent_id", "root", "files", "size_bytes", "shards"),
            "algorithm",
        ),
        1,
        lambda known, row: f"the inventory of {known.version_name(row[0])}",
    ),
    Projection(
        "replica", ("id", "uuid", "name", "added_at", "removed_at"), 1, lambda known, row: known.replica_name(row[0])
    ),
    Projection(
        "copy",
        (
            *("id", "inventory_id", "replica_id", "package_id", "location", "recorded_at", "shards", "shards_read"),
            *("oldest_read_at", "damage", "undetermined", "warnings", "removed_at", "deleted_at", "confirmed_check"),
        ),
        1,
        lambda known, row: known.copy_name(row[0]),
    ),
    Projection(
        "shard_state",
        ("copy_id", "shard_id", "replica_id", *_TIMES, "outcome", "not_before", "failures", "wanted", "wanted_at"),
        2,
        _state,
    ),
    Projection(
        "audit",
        ("id", "opened_at", "ended_at", "state", "required", "scope", *_COUNTS, "bytes_read", "reason"),
        1,
        lambda known, row: f"audit {row[0]}",
    ),
    Projection(
        "audit_item",
        ("audit_id", "copy_id", "shard_id", "check_number"),
        3,
        _item,
        where="WHERE check_number IS NOT NULL",
        link=3,
    ),
    Projection(
        "finding",
        (
            # Not by `id`: one that was taken out would give its number to the next.
            *("opened_check", "copy_id", "shard_id", "path", "code", "severity", "parameters", "opened_at"),
            *("seen_check", "seen_at", "closed_check", "closed_at"),
        ),
        5,
        _finding,
        link=0,
    ),
    Projection(
        "event",
        ("number", "package_id", "kind"),
        1,
        lambda known, row: f"link {row[0]} as an event of {known.package_name(row[1])}",
        link=0,
    ),
)
