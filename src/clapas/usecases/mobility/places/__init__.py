"""Places that fill and empty: car parks and bike stations."""
