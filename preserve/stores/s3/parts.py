"""Uploads in parts: of files over a segment, each part one segment with its own SHA-256."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from checks.ports import StoreError
from preserve.stores.s3.errors import translated
from preserve.stores.s3.spool import Spool
from preserve.stores.s3.wire import Wire

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_FAILED = (ClientError, BotoCoreError)


class Part(TypedDict):
    PartNumber: int
    ETag: str
    ChecksumSHA256: str


@dataclass(slots=True)
class Upload:
    """One upload that was begun and is no object yet."""

    id: str
    parts: list[Part] = field(default_factory=list)

    def composite(self) -> str:
        """The SHA-256 that S3 gives to the whole: of those of the parts."""
        digest = hashlib.sha256(b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in self.parts)).digest()
        return f"{base64.b64encode(digest).decode()}-{len(self.parts)}"


class Uploads:
    """The unfinished uploads of one bucket."""

    def __init__(self, client: "S3Client", wire: Wire, bucket: str, segment_bytes: int) -> None:
        self._client, self._wire, self._bucket, self._segment_bytes = client, wire, bucket, segment_bytes
        # What was uploaded from here. Completing wants all sums, and not every server lists them (AWS does).
        self._sums: dict[tuple[str, int], str] = {}

    def begin(self, key: bytes, what: str, options: dict[str, Any]) -> Upload:
        try:
            begun = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key.decode(), ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE", **options
            )
        except _FAILED as error:
            raise translated(what, error) from error
        return Upload(begun["UploadId"])

    def add(self, upload: Upload, key: bytes, what: str, content: Spool) -> None:
        """Uploads the next part; the server checks its SHA-256."""
        number, sha256 = len(upload.parts) + 1, content.sha256()
        query: dict[str, str | int] = {"partNumber": number, "uploadId": upload.id}
        push = self._wire.push(key, what, content.size_bytes, sha256, {}, **query)
        try:
            content.pour(push.send)
            answer = push.finish()
        except BaseException:
            push.drop()
            raise
        said = base64.b64encode(sha256).decode()
        upload.parts.append(Part(PartNumber=number, ETag=answer.get("etag", ""), ChecksumSHA256=said))
        self._sums[upload.id, number] = said

    def complete(self, upload: Upload, key: bytes, what: str, condition: dict[str, Any]) -> None:
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key.decode(),
                UploadId=upload.id,
                MultipartUpload={"Parts": upload.parts},  # type: ignore[typeddict-item]
                **condition,
            )
        except _FAILED as error:
            raise translated(what, error) from error

    def abort(self, upload_id: str, key: bytes) -> None:
        """Takes away what was uploaded, as far as the server lets us; none of it stands under a name."""
        with suppress(*_FAILED):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key.decode(), UploadId=upload_id)

    def unfinished(self, prefix: bytes, what: str) -> Iterator[tuple[bytes, str]]:
        """Key and id of each upload below a prefix."""
        try:
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix.decode(), EncodingType="url"):
                encoded = page.get("EncodingType") == "url"  # not every server does it, or says it
                for each in page.get("Uploads", ()):
                    yield (unquote_plus(each["Key"]) if encoded else each["Key"]).encode(), each["UploadId"]
        except _FAILED as error:
            failed = translated(what, error)
            if failed.cause != "NoSuchUpload":  # some servers' word for an empty list
                raise failed from error

    def found(self, key: bytes, what: str) -> Upload | None:
        """Of the unfinished uploads of that key, the one with most parts that can be gone on from.

        Those are the whole segments from the beginning whose SHA-256 is known.
        """
        best: Upload | None = None
        for each, upload_id in self.unfinished(key, what):
            if each == key:
                upload = self._parts_of(upload_id, key, what)
                if upload.parts and (best is None or len(upload.parts) > len(best.parts)):
                    best = upload
        return best

    def _parts_of(self, upload_id: str, key: bytes, what: str) -> Upload:
        upload = Upload(upload_id)
        try:
            pages = self._client.get_paginator("list_parts")
            for page in pages.paginate(Bucket=self._bucket, Key=key.decode(), UploadId=upload_id):
                for each in page.get("Parts", ()):
                    if each["PartNumber"] != len(upload.parts) + 1 or each["Size"] != self._segment_bytes:
                        return upload
                    number = each["PartNumber"]
                    said = each.get("ChecksumSHA256") or self._sums.get((upload_id, number))
                    if not said:
                        return upload
                    upload.parts.append(Part(PartNumber=number, ETag=each["ETag"], ChecksumSHA256=said))
        except _FAILED as error:
            raise translated(what, error) from error
        return upload

    def expect(self, upload: Upload, offset: int, what: str) -> None:
        """Lets go of parts behind the offset. StoreError if there are not enough before it."""
        count, odd = divmod(offset, self._segment_bytes)
        if odd or count > len(upload.parts):
            raise StoreError(f"{what}: {offset} bytes of it were not uploaded", cause="changed")
        del upload.parts[count:]
