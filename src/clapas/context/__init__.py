"""The NGSI-LD context broker over the same data."""
