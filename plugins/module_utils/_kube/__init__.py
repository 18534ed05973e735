"""Everything that talks to Kubernetes: client, documents, waits, tokens and the one way to a tenant cluster's API."""
