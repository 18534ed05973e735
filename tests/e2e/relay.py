"""Joins standard input and output with a TCP connection; an ssh ProxyCommand for places without netcat."""

from __future__ import annotations

import os
import selectors
import socket
import sys


def main() -> None:
    with (
        socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as connection,
        selectors.DefaultSelector() as selector,
    ):
        connection.settimeout(None)
        selector.register(0, selectors.EVENT_READ)
        selector.register(connection, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                data = os.read(0, 65536) if key.fd == 0 else connection.recv(65536)
                if not data:
                    return
                if key.fd == 0:
                    connection.sendall(data)
                else:
                    os.write(1, data)


if __name__ == "__main__":
    main()
