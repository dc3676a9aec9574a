"""Alarm conditions as values, their engine and their life."""
