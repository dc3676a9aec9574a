<<<<<<< HEAD
"""Benches, one file each, found by name."""
=======
"""Benchmarks, one file each: ``async def run(options) -> dict``."""
>>>>>>> codecs
