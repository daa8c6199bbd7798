"""From paths to keys and back: the bytes are the same, below a prefix."""

from checks.names import show
from checks.ports import StoreError

MOST_BYTES = 1024  # of a key, in UTF-8 ("Naming Amazon S3 objects", Amazon S3 User Guide)


class Keys:
    """The keys below one prefix, which has no `/` at either end and may be empty."""

    def __init__(self, prefix: bytes) -> None:
        self._before = prefix + b"/" if prefix else b""

    def of(self, path: bytes) -> bytes:
        return self._before + path

    def below(self, folder: bytes) -> bytes:
        """What all keys in a folder begin with; b"" is the root."""
        return self._before + folder + b"/" if folder else self._before

    def text(self, path: bytes) -> str:
        """A key as boto3 takes it. StoreError if no key can be it."""
        return as_text(self.of(path))

    def refused(self, path: bytes) -> str | None:
        """Why there can be no file of that name, for people."""
        key = self.of(path)
        try:
            key.decode("utf-8")
        except UnicodeDecodeError:
            return "its name is not UTF-8, and the names of an S3 bucket are"
        if len(key) > MOST_BYTES:
            return f"its name has {len(key)} bytes with the replica's prefix; S3 takes {MOST_BYTES}"
        if b"\0" in key:
            return "its name has a zero byte in it"
        # Servers and tools shorten these on the way, each in its own manner: nobody could tell what lies there.
        if not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
            return "its name has a part that is empty, `.` or `..`"
        return None


def as_text(key: bytes) -> str:
    """A key as boto3 takes it. StoreError if it is not UTF-8: nothing can lie under it."""
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(f"{show(key)}: not UTF-8, and so no key of an S3 bucket", cause="EILSEQ") from error
