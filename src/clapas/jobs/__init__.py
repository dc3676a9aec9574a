"""Long work that survives a restart, with progress."""
