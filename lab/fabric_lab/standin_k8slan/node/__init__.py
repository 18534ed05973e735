"""What runs on a node, by its own Python: standard library only."""
