"""Clapas, the open platform of a connected territory."""

__version__ = "0.1.0"
