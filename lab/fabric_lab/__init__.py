"""The lab of the collection: an embedded data centre on one machine."""
