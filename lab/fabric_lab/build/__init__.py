"""Programs and container images of the lab: fetched where they can be had, built where they cannot."""
