"""A local AWS endpoint for demos and tests: moto's server, and ours for what moto lacks."""
