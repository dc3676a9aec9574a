"""The LoRaWAN network server."""
