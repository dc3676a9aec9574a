"""Mobility: car parks, shared bikes, counters, for those who run streets and watch how they are used."""
