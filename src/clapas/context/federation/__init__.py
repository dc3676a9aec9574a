"""Distributed operations: what other context sources hold, read and written through this broker (clause 4.3)."""
