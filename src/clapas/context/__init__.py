"""The NGSI-LD broker (ETSI GS CIM 009 V1.9.1) over the platform's own state and history."""
