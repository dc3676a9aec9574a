"""Small tables of the platform's fixed names, so that two rooms never spell one differently."""

UPLINK_STREAM = "UPLINK"
OBSERVATION_STREAM = "OBSERVATION"
MQTT_STREAM = "$MQTT_msgs"

LOG_UPLINK = "uplink"
LOG_MQTT = "mqtt"
LOG_API = "api"
"""The ledger's name of writes made through an API: they are transactions, not logged messages."""

LORAWAN_ASK = "clapas/ask/lorawan"
"""The topic on which the embedded LoRaWAN network server answers the platform's other processes."""
