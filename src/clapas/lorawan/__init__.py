"""The LoRaWAN network server: frames, keys, regions, gateways, sessions and downlinks."""
