"""Print every command line that is seen on this machine, each once, until it is ended. Standard library only."""

from __future__ import annotations

import time
from pathlib import Path

PAUSE = 0.05


def main() -> None:
    seen = set()
    while True:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = process.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            except OSError:  # it has ended since
                continue
            if line and line not in seen:
                seen.add(line)
                print(line, flush=True)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
