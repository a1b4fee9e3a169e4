"""`chaos-engine init`: from a Compose file to settings, and an override that adds the engine. It is pure.

What a Compose file does not say is guessed, and said to be: the texts are for people, who go on from there.
"""
