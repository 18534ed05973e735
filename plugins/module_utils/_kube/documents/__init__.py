"""Documents built from the model of a tenant cluster: pure functions, compared with golden files in tests."""
