"""The machine that runs the tests may be slow: no deadline on generated examples."""

from hypothesis import settings

settings.register_profile("lorawan", deadline=None)
settings.load_profile("lorawan")
