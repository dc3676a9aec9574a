"""A fleet of LoRaWAN devices and gateways, written apart from the server so that it can judge it.

Nothing here may import ``clapas.lorawan``: two readings of the standard meet on the wire.
"""
