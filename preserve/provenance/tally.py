"""How many files there were, and of how many the format is known."""

from preserve.provenance.facts import FileFact, PackageFact


class Tally:
    """Counts files as they go by."""

    def __init__(self) -> None:
        self.files = 0
        self._bytes = 0
        self._identified = 0
        self._tentative = 0
        self._unclear = 0

    def count(self, file: FileFact) -> None:
        """Counts one file."""
        self.files += 1
        self._bytes += file.size_bytes
        format_ = file.format
        if format_ is None:
            return
        if not format_.identified:
            self._unclear += 1
        elif format_.tentative:
            self._tentative += 1
        else:
            self._identified += 1

    @property
    def any_format(self) -> bool:
        """Whether something was said of any file's format."""
        return self._identified + self._tentative + self._unclear > 0

    @property
    def all_known(self) -> bool:
        """Whether each file's format is known by its content."""
        return self._identified == self.files

    def notes(self) -> tuple[str, ...]:
        """The counts in words; none if no file went by."""
        if not self.files:
            return ()
        unknown = self.files - self._identified - self._tentative - self._unclear
        return (
            f"{self._identified} of {self.files} files identified, {self._tentative} by the name's extension only, "
            f"{self._unclear} ambiguous or not examined, {unknown} unknown",
        )

    def compare(self, package: PackageFact) -> None:
        """ValueError if these are not as many files and bytes as the package has."""
        if (self.files, self._bytes) != (package.payload_files, package.payload_bytes):
            raise ValueError(
                f"{self.files} files of {self._bytes} bytes were handed in for a payload of "
                f"{package.payload_files} files of {package.payload_bytes} bytes"
            )
