"""Answer at an address that is somebody else's, with a certificate that is not his either.

Runs on the server that is to be deceived (standard library only), prints one JSON object a line until it is ended:

    {"listening": true}
    {"refused": "…"}     the other side ended the handshake
    {"request": "…"}     it did not, and this is the first line that it sent
"""

from __future__ import annotations

import json
import socket
import ssl
import sys


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    address, port, certificate, key = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((address, port)) as server:
        tell(listening=True)
        while True:
            plain, _peer = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    tell(request=connection.recv(4096).decode("ascii", "replace").partition("\r\n")[0])
            except OSError as error:
                tell(refused=str(error))


if __name__ == "__main__":
    main()
