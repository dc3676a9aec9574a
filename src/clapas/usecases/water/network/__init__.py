"""The network's districts: balance, bursts, candidate streets, indicators."""
