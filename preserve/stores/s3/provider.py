"""What the provider says: checksums that it keeps, older versions, and classes that are not read at once."""

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.ports import StoreError, UnavailableError
from preserve.stores.capabilities import Protection, Thaw, Versioning
from preserve.stores.port import Claim
from preserve.stores.s3.errors import asking, said, unclear
from preserve.stores.s3.looks import MOST_PARTS, Seen, size_of, sum_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_VERSIONING = {"Enabled": Versioning.ON, "Suspended": Versioning.SUSPENDED}


def claim_of(client: "S3Client", bucket: str, key: str, found: Seen, segment_bytes: int, what: str) -> Claim:
    """Its SHA-256 of the whole object, or those of its parts where each is one segment and they fit its sum."""
    size = found.stat.size_bytes
    if found.sha256 is not None:
        return Claim(size, found.sha256, token=found.token)
    if found.parts is None:
        return Claim(size, None, why_not="the provider keeps no SHA-256 of it", token=found.token)
    try:
        parts = _parts(client, bucket, key, found, what)
    except UnavailableError:
        raise
    except StoreError as failed:
        if failed.cause in ("EAGAIN", "ETIMEDOUT", "ECONNRESET"):
            raise
        return Claim(size, None, why_not=f"the provider does not tell its parts ({failed.cause})", token=found.token)
    told = [sum_of(part.get("ChecksumSHA256")) for part in parts]
    sizes = [size_of(part.get("Size")) for part in parts]
    sums = tuple(each for each in told if each is not None)
    if len(sums) != len(told) or len(sums) != found.parts:
        why = "the provider keeps a SHA-256 of its parts' SHA-256s, and does not tell those"
    elif base64.b64encode(hashlib.sha256(b"".join(sums)).digest()).decode() != found.sha256_said.partition("-")[0]:
        why = "the provider's SHA-256 of the parts is not that of its own parts"
    elif not _are_segments([each or 0 for each in sizes], size, segment_bytes):
        why = f"it was uploaded in parts that are not of {segment_bytes} bytes"
    else:
        return Claim(size, None, sums, token=found.token)
    return Claim(size, None, why_not=why, token=found.token)


def _parts(client: "S3Client", bucket: str, key: str, found: Seen, what: str) -> list[Any]:
    """StoreError if there are more than an object can have."""
    parts: list[Any] = []
    version: dict[str, Any] = {"VersionId": found.token.version} if found.token.version else {}
    while True:
        with asking(what):
            answer: Any = client.get_object_attributes(
                Bucket=bucket,
                Key=key,
                ObjectAttributes=["ObjectParts"],
                PartNumberMarker=len(parts),
                **version,
            )
            told = answer.get("ObjectParts", {})
            parts += told.get("Parts", [])
        if len(parts) > MOST_PARTS:
            raise unclear(what)
        if not told.get("IsTruncated") or not told.get("Parts"):
            return parts


def _are_segments(sizes: list[int], size_bytes: int, segment_bytes: int) -> bool:
    return (
        bool(sizes)
        and sum(sizes) == size_bytes
        and all(each == segment_bytes for each in sizes[:-1])
        and 0 < sizes[-1] <= segment_bytes
    )


def protection_of(client: "S3Client", bucket: str, what: str) -> Protection:
    """What the bucket's rules say. Where we may not ask, that is said, and nothing else."""
    why: list[str] = []
    versioning, lock = Versioning.UNKNOWN, ""
    try:
        with asking(what):
            status: str = client.get_bucket_versioning(Bucket=bucket).get("Status", "")
            versioning = _VERSIONING.get(status, Versioning.OFF)
    except StoreError as error:
        why.append(f"versioning: {_why_not_told(error)}")
    try:
        with asking(what):
            rules = client.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
            if rules.get("ObjectLockEnabled") == "Enabled":
                lock = said(_words(rules.get("Rule", {}).get("DefaultRetention", {})))
    except StoreError as error:
        if _code(error) != "ObjectLockConfigurationNotFoundError":
            why.append(f"object lock: {_why_not_told(error)}")
    return Protection(versioning=versioning, lock=lock, why_unknown="; ".join(why))


def _code(failed: StoreError) -> str:
    """S3's own word, if it was an answer of S3's."""
    error = failed.__cause__
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _why_not_told(failed: StoreError) -> str:
    if failed.cause == "there is no such bucket":
        raise failed
    return failed.cause or str(failed)


def _words(retention: Any) -> str:
    if not retention:
        return "enabled, without a default"
    for unit in ("Days", "Years"):
        if unit in retention:
            return f"{retention.get('Mode', '').lower()} for {retention[unit]} {unit.lower()}"
    return str(retention.get("Mode", "")).lower()


def thawed(client: "S3Client", bucket: str, key: str, found: Seen, days: int, what: str) -> Thaw:
    """Asks for an object out of a cold class, unless it can be read or was asked for."""
    if not found.cold or found.restored:
        return Thaw.READABLE
    if found.being_restored:
        return Thaw.UNDER_WAY
    try:
        with asking(what):
            client.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": days})
    except StoreError as error:
        if _code(error) == "RestoreAlreadyInProgress":
            return Thaw.UNDER_WAY
        raise
    return Thaw.ASKED
