"""Printed pages and tables."""
