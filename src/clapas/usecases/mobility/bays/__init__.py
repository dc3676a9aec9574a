"""Parking bays on the street, each with its own sensor."""
