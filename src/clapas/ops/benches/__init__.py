"""Benchmarks, found by their name: one file each, with ``async def run(options) -> dict``."""
