"""Simulated fleets that speak through the real doors."""
