"""A web server of the lab's outside, or of its shared services: it says who it is and whom it sees.

Whom it sees tells whether a request came through NAT. A program of its own: ``python -m fabric_lab.rack.outside_web``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fabric_lab.rack.topology import Outlet
from fabric_lab.state import REPOSITORY, Lab
from fabric_lab.supervisor.spec import ProcessSpec


def handler(name: str) -> type[BaseHTTPRequestHandler]:
    """Answers every GET with its name and the client's address, as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"server": name, "client": self.client_address[0]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """The lab's logs are for trouble; requests are none."""

    return Handler


def process(lab: Lab, outlet: Outlet) -> ProcessSpec:
    """The server of one outlet, as a process of the lab."""
    return ProcessSpec(
        name=f"web-{outlet.name}",
        argv=[sys.executable, "-m", "fabric_lab.rack.outside_web", "--name", outlet.name, "--address", outlet.host],
        env={"PYTHONPATH": str(REPOSITORY / "lab")},
        netns=outlet.netns(lab),
        log=str(lab.log_directory / f"web-{outlet.name}.log"),
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m fabric_lab.rack.outside_web")
    parser.add_argument("--name", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, default=80)
    options = parser.parse_args(argv)
    with ThreadingHTTPServer((options.address, options.port), handler(options.name)) as server:
        print(f"{options.name}: http://{options.address}:{options.port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
