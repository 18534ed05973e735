"""The agent as a program: ``python3 <this directory>``."""

from __future__ import annotations

from fabric_agent.main import main

main()
