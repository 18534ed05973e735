"""One file per kind of object: how it is read, written and refused."""
