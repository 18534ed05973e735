"""The room that renders and serves what installers read."""
