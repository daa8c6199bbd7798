"""The connections to a bucket are closed, whoever forgets it."""

import gc
from http.client import HTTPConnection
from socket import create_server

from preserve.stores.s3.access import Access, Place
from preserve.stores.s3.wire import Wire


def test_kept_connections_are_closed_where_a_wire_goes_in_a_circle_of_references() -> None:
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place = Place(bucket="bucket", endpoint=f"http://127.0.0.1:{port}", credentials=("id", "secret"))
        connection = HTTPConnection("127.0.0.1", port)  # older than the wire: its own end would come first
        connection.connect()
        wire = Wire(place, Access(place))
        wire.give_back(connection, keep=True)
        circle: list[object] = [wire]
        circle.append(circle)
        taken, _ = server.accept()
        with taken:
            taken.settimeout(10)
            del connection, wire, circle
            gc.collect()  # a socket that is not closed by then says so, and that fails the test
            assert taken.recv(1) == b""
