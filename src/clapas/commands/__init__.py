"""Commands that compose several rooms: one file a subject, found by its place."""
