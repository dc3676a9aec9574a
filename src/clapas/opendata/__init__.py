"""What is given: datasets, formats, catalogue."""
