"""The utility's own assets and work orders: read as its tools export them, kept, shown by sector."""
