"""The human door: API, pages, live events."""
