"""One process per lab that owns all its other processes."""
