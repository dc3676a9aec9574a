"""Benches, one file each, found by name."""
