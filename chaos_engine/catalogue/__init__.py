"""What there is to use: scenarios, probes, and the activities of Chaos Toolkit extensions, as data."""
