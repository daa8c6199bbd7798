"""What protects the files at a provider, in plain words."""

from reports.rows import ProtectionLine
from reports.words import visible


def in_words(line: ProtectionLine) -> str:
    """`versions kept, locked: ...`."""
    lock = f", locked: {visible(line.lock)}" if line.lock else ", no lock"
    if line.versioning == "on":
        return f"versions kept{lock}"
    if line.versioning in ("off", "suspended"):
        return f"no versions kept ({line.versioning}){lock}"
    why = f" ({visible(line.why_unknown)})" if line.why_unknown else ""
    return f"not known whether versions are kept{why}"


def warnings(line: ProtectionLine) -> list[tuple[str, str]]:
    """(what is missing, what to do) of a place that protects less than it could."""
    if line.versioning == "unknown":
        return [
            (
                "it could not be found out whether this bucket keeps older versions of what is deleted or changed",
                "Give the right s3:GetBucketVersioning, or ask whoever keeps the bucket.",
            )
        ]
    told = []
    if line.versioning != "on":
        told.append(
            (
                "this bucket keeps no older versions: what is deleted or changed there is gone for good",
                "Switch versioning on for the bucket; see docs/replicas.md.",
            )
        )
    if not line.lock:
        told.append(
            (
                "this bucket has no object lock: whoever has the key to the account can delete every version",
                "Consider object lock, which is best chosen when the bucket is made; see docs/replicas.md.",
            )
        )
    return told


def as_json(line: ProtectionLine | None) -> dict[str, object] | None:
    if line is None:
        return None
    return {"versioning": line.versioning, "lock": line.lock or None, "why_unknown": line.why_unknown or None}
