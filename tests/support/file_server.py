"""Serves a directory on a free port of loopback, in the background, for scenarios of roles that download.

python file_server.py DIRECTORY     prints its URL and its pid as JSON once it answers; whoever starts it ends it
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def main(directory: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=directory))
    pid = os.fork()
    if pid:
        print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "pid": pid}))
        return
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
