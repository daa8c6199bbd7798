"""Uploads in parts: of files over a segment, each part one segment with its own SHA-256."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote_to_bytes

from checks.names import show
from checks.ports import StoreError
from preserve.stores.s3.errors import asking, unclear
from preserve.stores.s3.looks import MOST_PARTS, sum_of
from preserve.stores.s3.spool import Spool
from preserve.stores.s3.wire import Wire

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MOST_PAGES = 10_000


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
        with asking(what):
            begun = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key.decode(), ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE", **options
            )
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
        with asking(what):
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key.decode(),
                UploadId=upload.id,
                MultipartUpload={"Parts": upload.parts},  # type: ignore[typeddict-item]
                **condition,
            )

    def abort(self, upload_id: str, key: bytes) -> None:
        """Takes away what was uploaded, as far as the server lets us; none of it stands under a name."""
        with suppress(StoreError), asking(show(key)):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key.decode(), UploadId=upload_id)

    def unfinished(self, prefix: bytes, what: str) -> Iterator[tuple[bytes, str]]:
        """Key and id of each upload below a prefix."""
        try:
            with asking(what):
                pages = self._client.get_paginator("list_multipart_uploads")
                options: Any = {"Bucket": self._bucket, "Prefix": prefix.decode(), "EncodingType": "url"}
                for count, page in enumerate(pages.paginate(**options)):
                    encoded = page.get("EncodingType") == "url"  # not every server does it, or says it
                    found = [(each["Key"], each["UploadId"]) for each in page.get("Uploads", ())]
                    if count >= _MOST_PAGES:
                        raise unclear(what)
                    for text, upload_id in found:
                        key = unquote_to_bytes(text.replace("+", " ")) if encoded else text.encode()
                        if key.startswith(prefix):  # never touches another's
                            yield key, upload_id
        except StoreError as error:
            if error.cause != "NoSuchUpload":  # some servers' word for an empty list
                raise

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
        with asking(what):
            pages = self._client.get_paginator("list_parts")
            for page in pages.paginate(Bucket=self._bucket, Key=key.decode(), UploadId=upload_id):
                for each in page.get("Parts", ()):
                    if each["PartNumber"] != len(upload.parts) + 1 or each["Size"] != self._segment_bytes:
                        return upload
                    if len(upload.parts) >= MOST_PARTS:
                        raise unclear(what)
                    number = each["PartNumber"]
                    said = each.get("ChecksumSHA256") or self._sums.get((upload_id, number))
                    if said is None or sum_of(said) is None:
                        return upload
                    upload.parts.append(Part(PartNumber=number, ETag=each["ETag"], ChecksumSHA256=said))
        return upload

    def expect(self, upload: Upload, offset: int, what: str) -> None:
        """Lets go of parts behind the offset. StoreError if there are not enough before it."""
        count, odd = divmod(offset, self._segment_bytes)
        if odd or count > len(upload.parts):
            raise StoreError(f"{what}: {offset} bytes of it were not uploaded", cause="changed")
        del upload.parts[count:]
