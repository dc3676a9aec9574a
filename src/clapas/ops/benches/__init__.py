"""Benchmarks, one file each: ``async def run(options) -> dict``."""
