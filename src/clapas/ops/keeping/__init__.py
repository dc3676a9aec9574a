"""Back up, restore, and hand over a platform."""
