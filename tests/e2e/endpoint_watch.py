"""Watch a tenant cluster's API endpoint from one of its servers: does it answer, and who says that the address is his?

Runs on the server (standard library only), prints one JSON object a line until it is ended:

    {"at": 12.3, "answered": true}               an attempt to reach the API, ten a second
    {"at": 12.4, "holder": "aa:bb:cc:dd:ee:ff"}  an ARP packet of the address's holder

Times are seconds of this machine's monotonic clock.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time

ARP = 0x0806
PAUSE = 0.1
ASK_PAUSE = 0.25
TIMEOUT = 1.0
_OUT = threading.Lock()


def tell(**what: object) -> None:
    with _OUT:
        print(json.dumps({"at": round(time.monotonic(), 3), **what}), flush=True)


def answers(address: str, port: int, context: ssl.SSLContext) -> bool:
    """Any HTTP answer counts, a refusal of the anonymous too: what is asked is whether the way to the API is open."""
    try:
        with (
            socket.create_connection((address, port), timeout=TIMEOUT) as plain,
            context.wrap_socket(plain) as connection,
        ):
            connection.sendall(b"GET /version HTTP/1.0\r\n\r\n")
            return connection.recv(4) == b"HTTP"
    except OSError:
        return False


def try_endpoint(address: str, port: int) -> None:
    # Availability is measured here, not trust; the joins of the other tests verify the certificate.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while True:
        tell(answered=answers(address, port, context))
        time.sleep(PAUSE)


def ask(packets: socket.socket, address: str) -> None:
    own = packets.getsockname()[4]
    request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + own + b"\0" * 4 + b"\0" * 6 + socket.inet_aton(address)
    while True:
        packets.send(b"\xff" * 6 + own + struct.pack("!H", ARP) + request)
        time.sleep(ASK_PAUSE)


def main() -> None:
    interface, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
    packets.bind((interface, ARP))
    threading.Thread(target=try_endpoint, args=(address, port), daemon=True).start()
    threading.Thread(target=ask, args=(packets, address), daemon=True).start()
    wanted = socket.inet_aton(address)
    while True:
        frame = packets.recv(2048)
        if len(frame) >= 42 and frame[28:32] == wanted:
            tell(holder=":".join(f"{byte:02x}" for byte in frame[22:28]))


if __name__ == "__main__":
    main()
