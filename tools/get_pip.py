"""Install pip with what Python itself brings along, in place of a downloaded get-pip script.

ansible-test runs this with get-pip's arguments. ensurepip runs in a process of its own because it blanks pip's
configuration in the process that calls it.
"""

from __future__ import annotations

import subprocess
import sys

IGNORED = {"--no-setuptools", "--no-wheel"}

subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade", "--default-pip"], check=True)
arguments = [argument for argument in sys.argv[1:] if argument not in IGNORED]
if any(not argument.startswith("-") for argument in arguments):
    subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=True)
