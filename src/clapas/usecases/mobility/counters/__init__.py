"""Counters of bikes, vehicles and people, for the observatory of mobility."""
