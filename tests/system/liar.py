"""A cloud that sends receipts for batches it has not stored, and forgets them; it passes the others on."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx
import msgspec

from shared.wire import batch as wire
from shared.wire.receipt import Outcome, Receipt


class LyingCloud:
    """Listens on a free port while its block lasts.

    Args:
        cloud: The address of the true one.
        lies: How many batches to forget; not the very first, which makes the tags known.
    """

    def __init__(self, cloud: str, lies: int) -> None:
        self.told = 0
        self._seen = 0
        self._cloud = cloud
        self._lies = lies
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = liar.answer(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *words: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Lie, or pass on."""
        head = wire.header(body) if path.endswith("/ingest/batches") else None
        # a lie about a sign of life, or a batch of gaps alone, would lose no reading
        bears_readings = head is not None and head.rows > 0
        self._seen += bears_readings
        if head is not None and bears_readings and self._seen > 1 and self.told < self._lies:
            self.told += 1
            receipt = Receipt(str(head.id.epoch), head.id.seq, Outcome.STORED, head.rows)
            return 200, msgspec.json.encode({"data": receipt, "meta": {}})
        kept = {name: headers[name] for name in ("Authorization", "Content-Type") if name in headers}
        reply = httpx.post(self._cloud + path, content=body, headers=kept, timeout=60)
        return reply.status_code, reply.content

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
