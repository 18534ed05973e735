"""The rack: virtual machines, cables, management network."""
