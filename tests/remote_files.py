"""Stores for tests: a web server on this machine, and the memory of fsspec."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebServer(ThreadingHTTPServer):
    """A server of the files in a dictionary.

    Attributes:
        files: contents by path; a path that ends in a slash is a page of links.
        ranges: whether it sends parts of files.
        announces_size: whether it sends the size of files.
        cut: bytes after which it closes the connection; None for never.
        password: ``user:password`` that it asks for; None for none.
        requests: the methods and paths so far.

    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.announces_size = True
        self.cut: int | None = None
        self.password: str | None = None
        self.requests: list[tuple[str, str]] = []

    def url(self, path: str, user: str = "") -> str:
        """Return the address of a file."""
        return f"http://{user}127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close the connection early."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Send the headers."""
        self._send(with_body=False)

    def do_GET(self) -> None:
        """Send a file, or a part of it."""
        self._send(with_body=True)

    def _send(self, *, with_body: bool) -> None:
        server, path = self.server, self.path
        server.requests.append((self.command, path))
        if server.password is not None:
            expected = "Basic " + base64.b64encode(server.password.encode()).decode()
            if self.headers.get("Authorization") != expected:
                self._status(401)
                return
        if f"{path}/" in server.files:
            self.send_response(301)
            self.send_header("Location", f"{path}/")
            self._status(None)
            return
        if path not in server.files:
            self._status(404)
            return
        data = server.files[path]
        asked = self.headers.get("Range")
        if asked and server.ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or len(data)) + 1, len(data))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            begin, end = 0, len(data)
            self.send_response(200)
        self.send_header("ETag", '"' + hashlib.sha256(data).hexdigest()[:8] + '"')
        self.send_header("Content-Type", "text/html" if path.endswith("/") else "text/plain")
        if server.announces_size:
            self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if with_body:
            if server.cut is not None:
                end = min(end, server.cut)
            self.wfile.write(data[begin:end])

    def _status(self, code: int | None) -> None:
        if code is not None:
            self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def web_server() -> Iterator[WebServer]:
    """Run a server in a thread."""
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def page(*links: str) -> bytes:
    """Return a page of links."""
    return "".join(f'<a href="{link}">{link}</a>\n' for link in links).encode()
