"""AWS on this machine, for demos and tests: moto's server, and behaviour of our own where moto has none.

Knows nothing of the engine. Each service has one entry, `install(clock)`: it hooks itself into moto's own
backends and returns a `Ticker`.
"""
