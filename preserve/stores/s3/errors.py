"""What S3 and the way to it answered, in the words of `checks.ports`: never a key id or a signature."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from botocore import exceptions
from botocore.parsers import ResponseParserError

from checks.names import show
from checks.ports import NOT_READABLE_NOW, NotFoundError, StoreError, UnavailableError
from preserve.stores.port import FullError, NotReadableNowError

CHANGED = "changed"
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.-]{1,80})</Code>")
_REGION = re.compile(rb"<Region>([a-z0-9-]{1,40})</Region>")
_A_REGION = re.compile(r"[a-z0-9-]{1,40}")
_MOST_SAID = 200  # characters of what a server says that are told

# "Error responses", Amazon S3 API Reference. Asked again: the request was not done, and nothing is wrong with it.
_BUSY = frozenset(
    ("SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable")
) | {"InternalError", "RequestTimeout", "OperationAborted", "503", "500"}
_BUSY_STATUS = frozenset((408, 429, 500, 502, 503, 504))
_FULL = frozenset(("QuotaExceeded", "InsufficientCapacity", "StorageFull", "XMinioStorageFull"))
_REFUSED = {
    "AccessDenied": "access is denied",
    "AllAccessDisabled": "access is denied",
    "ExpiredToken": "the credentials have expired",
    "InvalidAccessKeyId": "the server does not know this access key",
    "InvalidToken": "the credentials are refused",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the server's",
}


def refused(what: str, status: int, code: str, *, region: str = "") -> StoreError:
    """What an answer that is no success means. `code`: S3's word; empty if it said none (HEAD)."""
    code = said(code)
    region = region if _A_REGION.fullmatch(region) else ""
    if code == "NoSuchBucket":
        return UnavailableError(f"{what}: there is no such bucket", cause="there is no such bucket")
    if code == "NoSuchKey":
        return NotFoundError(f"{what}: no such object", cause="ENOENT")
    if code == "InvalidObjectState":
        text = f"{what}: in a storage class from which it must be brought back before it can be read"
        return NotReadableNowError(text, cause=NOT_READABLE_NOW)
    if status in (301, 307, 308) or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        place = f" ({region}); set `region`" if region else "; set `region` or `endpoint`"
        return UnavailableError(f"{what}: the bucket is in another region{place}", cause="it is in another region")
    if status in (401, 403):
        cause = _REFUSED.get(code, f"access is refused ({code or status})")
        return UnavailableError(f"{what}: {cause}", cause=cause)
    # "ConditionalRequestConflict" (409): another one wrote or deleted it at the same time.
    if status == HTTPStatus.PRECONDITION_FAILED or code in ("PreconditionFailed", "ConditionalRequestConflict"):
        return StoreError(f"{what}: it is not the one that was seen", cause=CHANGED)
    if status == HTTPStatus.INSUFFICIENT_STORAGE or code in _FULL:
        return FullError(f"{what}: the server has no room left ({code or status})", cause="ENOSPC")
    if status in _BUSY_STATUS or code in _BUSY:
        return StoreError(f"{what}: the server could not answer ({code or status})", cause="EAGAIN")
    return StoreError(f"{what}: the server answered {status} {code}".rstrip(), cause=code or str(status))


def said(text: str) -> str:
    """Of what a server says: so much as is told to people, with nothing in it that moves a terminal's cursor."""
    return show(text[:_MOST_SAID].encode("utf-8", "surrogatepass"))


def unclear(what: str) -> StoreError:
    """The answer has not the form that it must have."""
    return StoreError(f"{what}: the server's answer cannot be understood", cause="the answer cannot be understood")


# RecursionError: of XML that is nested for no other reason.
_NOT_UNDERSTOOD = (
    *(ResponseParserError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError),
)


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turns what boto3 raises, and what it stumbles over in an answer, into StoreError and its kinds."""
    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise translated(what, error) from error
    except _NOT_UNDERSTOOD as error:
        raise unclear(what) from error


def refused_body(what: str, status: int, body: bytes, headers: Mapping[str, str]) -> StoreError:
    """The same of an answer over our own connection."""
    code, region = _CODE.search(body), _REGION.search(body)
    place = headers.get("x-amz-bucket-region") or (region[1].decode() if region else "")
    return refused(what, status, code[1].decode() if code else "", region=place)


def cut(what: str, error: Exception, *, connecting: bool = False) -> StoreError:
    """What a connection that failed means; `connecting`: there was none yet, so nobody is there."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnavailableError(
            f"{what}: the server's certificate is not trusted", cause="its certificate is not trusted"
        )
    if connecting:
        why = _WHY_NOT_REACHED.get(type(error), "the server cannot be reached")
        return UnavailableError(f"{what}: {why}", cause=why)
    if isinstance(error, TimeoutError):
        return StoreError(f"{what}: no answer in time", cause="ETIMEDOUT")
    return StoreError(f"{what}: the connection was cut", cause="ECONNRESET")


_WHY_NOT_REACHED: Mapping[type[Exception], str] = {
    ConnectionRefusedError: "the server refuses connections",
    TimeoutError: "the server does not answer",
}


def translated(what: str, error: Exception) -> StoreError:
    """What an error of boto3 means."""
    if isinstance(error, exceptions.ClientError):
        told, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        status, code = int(meta.get("HTTPStatusCode", 0)), str(told.get("Code", ""))
        region = str(meta.get("HTTPHeaders", {}).get("x-amz-bucket-region", ""))
        return refused(what, status, "" if code.isdigit() else code, region=region)
    if isinstance(error, exceptions.ReadTimeoutError):
        return StoreError(f"{what}: no answer in time", cause="ETIMEDOUT")
    if isinstance(error, exceptions.SSLError):
        return UnavailableError(f"{what}: TLS failed", cause="TLS failed")
    if isinstance(
        error, exceptions.ConnectTimeoutError | exceptions.EndpointConnectionError | exceptions.ProxyConnectionError
    ):
        return UnavailableError(f"{what}: the server cannot be reached", cause="the server cannot be reached")
    if isinstance(error, exceptions.HTTPClientError):  # of a connection that stood
        return StoreError(f"{what}: the connection was cut", cause="ECONNRESET")
    if isinstance(error, _NO_CREDENTIALS):
        return UnavailableError(f"{what}: no credentials for it were found", cause="no credentials")
    if isinstance(error, exceptions.ProfileNotFound):
        return UnavailableError(f"{what}: the profile is not in the AWS configuration", cause="no such profile")
    return StoreError(f"{what}: {type(error).__name__}", cause=type(error).__name__)


_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
)
