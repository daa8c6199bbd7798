"""A relay on this machine that stands between the `fixity` command and the Storage Service, and keeps every answer.

The command is told the relay's address, and a user and key that are good for this one run only; the real key stays
with us, and goes out in a header, over connections with time-outs. Only what checking one AIP takes is passed on.
"""

import hmac
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from preserve.archivematica.address import API
from preserve.archivematica.asking import Answer, UnansweredError
from preserve.archivematica.service import StorageService

_LINE_SECONDS = 30


class Relay:
    """A context manager. Afterwards `checks` holds what the service answered to each check, or why there is nothing.

    `troubles`: why other requests of the command came to nothing.
    """

    def __init__(self, storage: StorageService, uuid: UUID, *, locally: bool) -> None:
        self.user = "relayed"
        self.key = secrets.token_hex(16)
        self.checks: list[Answer | UnansweredError] = []
        self.troubles: list[UnansweredError] = []
        self._storage = storage
        self._uuid = uuid
        self._locally = locally
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, target: str) -> Answer:
        """What is answered to a request for that path."""
        split = urlsplit(target)
        asked = parse_qs(split.query)
        for name, wanted in (("username", self.user), ("api_key", self.key)):
            if not hmac.compare_digest(asked.get(name, [""])[0].encode(), wanted.encode()):
                return Answer(401, b"")
        try:
            if split.scheme or split.netloc:
                return Answer(404, b"")
            if split.path == f"{API}{self._uuid}/check_fixity/":
                return self._checked()
            if split.path == f"{API}{self._uuid}/":
                return self._described()
        except UnansweredError as error:
            return Answer(504 if error.timed_out else 502, b"")
        return Answer(404, b"")

    def _described(self) -> Answer:
        try:
            answer = self._storage.asker.ask(self._storage.service.api(str(self._uuid)))
            if answer.status != 200:
                self.troubles.append(
                    UnansweredError(f"the Storage Service answered HTTP {answer.status} about the AIP")
                )
        except UnansweredError as error:
            self.troubles.append(error)
            raise
        return answer

    def _checked(self) -> Answer:
        try:
            answer = self._storage.check_answer(self._uuid, locally=self._locally)
        except UnansweredError as error:
            self.checks.append(error)
            raise
        self.checks.append(answer)
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _LINE_SECONDS

            def do_GET(self) -> None:
                answer = relay.answer(self.path)
                try:
                    self.send_response(answer.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    self.close_connection = True  # the command has gone

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing: the addresses have a key in them, if only the relay's."""

        return Handler
