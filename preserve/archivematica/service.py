"""The Storage Service's API (v2), as far as it is used here."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from uuid import UUID

from preserve.archivematica import answers
from preserve.archivematica.address import Service
from preserve.archivematica.answers import Package, Said
from preserve.archivematica.asking import Answer, Asker, Stream, UnansweredError

_PAGE = 100
_MOST_PAGES = 100_000
_MOST_PACKAGES = 1_000_000
_PAGE_BYTES = 16 << 20
_POINTER_BYTES = 16 << 20
LOCALLY = "force_local=True"


class StorageService:
    """What can be asked of it. All may raise UnansweredError."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.asker = Asker(service)

    def packages(self) -> Iterator[Package]:
        """The AIPs, page by page, each once.

        A list that runs in circles, is longer than can be, or ends before what it said it holds, is an error, after
        what there was.
        """
        url: str | None = f"{self.service.api()}?package_type=AIP&limit={_PAGE}"
        seen_pages: set[str] = set()
        seen: set[UUID] = set()
        total = None
        while url is not None:
            if url in seen_pages or len(seen_pages) >= _MOST_PAGES or len(seen) > _MOST_PACKAGES:
                raise UnansweredError("the Storage Service's list of packages has no end")
            seen_pages.add(url)
            page = answers.page(self.asker.ask(url, most_bytes=_PAGE_BYTES))
            total = page.total
            for package in page.packages:
                if package.uuid not in seen:
                    seen.add(package.uuid)
                    if package.kind in ("AIP", ""):
                        yield package
            url = None if page.next is None else self.asker.followed(url, page.next)
        if total is not None and total > len(seen):
            raise UnansweredError(f"the Storage Service has {total:,} packages, and listed only {len(seen):,} of them")

    def package(self, uuid: UUID) -> Package:
        """What it says of one AIP."""
        return answers.package(self.asker.ask(self.service.api(str(uuid))), uuid)

    def check(self, uuid: UUID, *, locally: bool = False) -> Said:
        """Has it check one AIP."""
        return answers.said(self.check_answer(uuid, locally=locally), uuid)

    def check_answer(self, uuid: UUID, *, locally: bool) -> Answer:
        """Its answer to that as it came."""
        url = self.service.api(str(uuid), "check_fixity") + (f"?{LOCALLY}" if locally else "")
        return self.asker.ask(url, seconds=self.service.seconds)

    def pointer_file(self, uuid: UUID) -> bytes | None:
        """The METS file that speaks of the AIP's archive file; None if there is none, as of an AIP that is a folder."""
        answer = self.asker.ask(self.service.api(str(uuid), "pointer_file"), most_bytes=_POINTER_BYTES)
        if answer.status in (404, 400, 500):  # versions differ in how they say that there is none
            return None
        answers.refuse_status(answer, f"the pointer file of {uuid}")
        return answer.body

    def download(self, uuid: UUID) -> AbstractContextManager[Stream]:
        """The AIP's bytes as they come."""
        return self.asker.streaming(self.service.api(str(uuid), "download"), seconds=self.service.seconds)
