"""Simulate, bench, back up, diagnose."""
