"""Trouble that only this shop has."""
