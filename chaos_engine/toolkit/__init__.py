"""What runs in the process of a Chaos Toolkit experiment, by any Python that has chaoslib.

It is started by its path, so it imports nothing of ours outside this package.
"""
