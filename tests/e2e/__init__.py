"""The real playbooks against the real rack. See conftest.py for how a run is set up and left."""
