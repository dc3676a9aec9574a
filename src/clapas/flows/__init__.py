"""Declared pipelines and bridges."""
