"""Meters: tables of readings, the index engine, the meters' health."""
