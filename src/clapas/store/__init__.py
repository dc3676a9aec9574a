"""Registry, present state and history; the only room that speaks SQL."""
