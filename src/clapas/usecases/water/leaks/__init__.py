"""Leaks after the meter: a causal detector that learns each meter, and its score."""
