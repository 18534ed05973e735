"""A stand-in for the Netris controller: its REST API, its state and the protocol of its switch agents."""
