"""The HTTP API of the running daemon. Nothing here is loaded where it is switched off."""
