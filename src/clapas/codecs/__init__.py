"""Bytes to readings and back, one file per device family."""
