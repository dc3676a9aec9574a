"""Shared bikes: the stations' page, and the feed that others read (GBFS)."""
