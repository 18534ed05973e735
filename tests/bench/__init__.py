"""Measures and prints; never judges."""
