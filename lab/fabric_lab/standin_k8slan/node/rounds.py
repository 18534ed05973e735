"""The loop of every stand-in: one round after the other, for ever, and trouble is told once.

It lies here since it runs on nodes, too, and what runs there takes nothing from the lab.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def keep(play: Callable[[], float], told: tuple[type[Exception], ...], pause: float) -> NoReturn:
    """Plays a round, rests for the seconds that it returns, or for `pause` after trouble of a kind in `told`."""
    trouble = ""
    while True:
        try:
            rest = play()
            trouble = ""
        except told as error:
            rest = pause
            if str(error) != trouble:
                trouble = str(error)
                say(trouble)
        time.sleep(rest)
