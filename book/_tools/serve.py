"""Serve a folder as a web server would, compressed: ``python book/_tools/serve.py _build/html 8000``."""

from __future__ import annotations

import gzip
import sys
from contextlib import suppress
from functools import lru_cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PACKED = {".woff2", ".png", ".pdf", ".gz"}  # what gzip makes no smaller


@lru_cache(maxsize=512)
def body(path: Path, changed: float) -> tuple[bytes, bool]:
    """What goes over the wire for this file, and whether it is compressed."""
    data = path.read_bytes()
    return (data, False) if path.suffix in PACKED else (gzip.compress(data, 6, mtime=0), True)


class Compressing(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        data, packed = body(path, path.stat().st_mtime)
        kind = self.guess_type(str(path))
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the browser has left the page
            self.wfile.write(data)

    def log_message(self, *_) -> None:
        """Say nothing."""


def compressed(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Compressing, directory=str(folder)))


if __name__ == "__main__":
    with compressed(Path(sys.argv[1]), int(sys.argv[2])) as server:
        server.serve_forever()
