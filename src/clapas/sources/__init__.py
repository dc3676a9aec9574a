"""Connectors: one file per door."""
