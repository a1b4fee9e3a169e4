"""AWS on a laptop: moto's server, and ours for what it lacks. Nothing of the engine is imported here."""
