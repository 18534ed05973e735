# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Proof in packets: what servers can and cannot reach. Private to the collection.

``frames``, ``bpf``, ``devices``, ``station``, ``dialogue``, ``session`` run on servers (standard library, Python 3.8);
``scene``, ``plan``, ``evaluate``, ``render`` run where Ansible runs and are pure.
"""
