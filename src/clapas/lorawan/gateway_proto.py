"""The messages of ChirpStack's gateway protocol, as tables (chirpstack/api/proto/gw/gw.proto v4.20, read as facts)."""

from clapas.lorawan.protobuf import Field, Schema

CODE_RATES = (
    "CR_UNDEFINED", "CR_4_5", "CR_4_6", "CR_4_7", "CR_4_8", "CR_3_8", "CR_2_6", "CR_1_4", "CR_1_6", "CR_5_6",
    "CR_LI_4_5", "CR_LI_4_6", "CR_LI_4_8",
)  # fmt: skip
ACK_STATUSES = (
    "IGNORED", "OK", "TOO_LATE", "TOO_EARLY", "COLLISION_PACKET", "COLLISION_BEACON", "TX_FREQ", "TX_POWER",
    "GPS_UNLOCKED", "QUEUE_FULL", "INTERNAL_ERROR", "DUTY_CYCLE_OVERFLOW",
)  # fmt: skip
TIME: Schema = {1: Field("seconds", "int"), 2: Field("nanos", "int")}
_LOCATION: Schema = {
    1: Field("latitude", "double"),
    2: Field("longitude", "double"),
    3: Field("altitude", "double"),
}
_LORA: Schema = {
    1: Field("bandwidth", "uint"),
    2: Field("spreadingFactor", "uint"),
    5: Field("codeRate", "enum", names=CODE_RATES),
    4: Field("polarizationInversion", "bool"),
    6: Field("preamble", "uint"),
    7: Field("noCrc", "bool"),
}
_FSK: Schema = {1: Field("frequencyDeviation", "uint"), 2: Field("datarate", "uint")}
_FHSS: Schema = {
    1: Field("operatingChannelWidth", "uint"),
    4: Field("codeRate", "enum", names=CODE_RATES),
}
_MODULATION: Schema = {
    3: Field("lora", "message", _LORA),
    4: Field("fsk", "message", _FSK),
    5: Field("lrFhss", "message", _FHSS),
}
_UPLINK_TX: Schema = {1: Field("frequency", "uint"), 2: Field("modulation", "message", _MODULATION)}
_UPLINK_RX: Schema = {
    1: Field("gatewayId", "string"),
    2: Field("uplinkId", "uint"),
    3: Field("gwTime", "message", TIME),
    4: Field("timeSinceGpsEpoch", "message", TIME),
    6: Field("rssi", "int"),
    7: Field("snr", "float"),
    8: Field("channel", "uint"),
    9: Field("rfChain", "uint"),
    10: Field("board", "uint"),
    11: Field("antenna", "uint"),
    12: Field("location", "message", _LOCATION),
    13: Field("context", "bytes"),
    16: Field("crcStatus", "enum", names=("NO_CRC", "BAD_CRC", "CRC_OK")),
}
UPLINK_FRAME: Schema = {
    1: Field("phyPayload", "bytes"),
    4: Field("txInfo", "message", _UPLINK_TX),
    5: Field("rxInfo", "message", _UPLINK_RX),
}
GATEWAY_STATS: Schema = {
    17: Field("gatewayId", "string"),
    2: Field("time", "message", TIME),
    3: Field("location", "message", _LOCATION),
    5: Field("rxPacketsReceived", "uint"),
    6: Field("rxPacketsReceivedOk", "uint"),
    7: Field("txPacketsReceived", "uint"),
    8: Field("txPacketsEmitted", "uint"),
}
_TIMING: Schema = {
    1: Field("immediately", "message", {}),
    2: Field("delay", "message", {1: Field("delay", "message", TIME)}),
    3: Field("gpsEpoch", "message", {1: Field("timeSinceGpsEpoch", "message", TIME)}),
}
_DOWNLINK_TX: Schema = {
    1: Field("frequency", "uint"),
    2: Field("power", "int"),
    3: Field("modulation", "message", _MODULATION),
    6: Field("timing", "message", _TIMING),
    7: Field("context", "bytes"),
}
_ITEM: Schema = {1: Field("phyPayload", "bytes"), 3: Field("txInfo", "message", _DOWNLINK_TX)}
DOWNLINK_FRAME: Schema = {
    3: Field("downlinkId", "uint"),
    5: Field("items", "message", _ITEM, repeated=True),
    7: Field("gatewayId", "string"),
}
_ACK_ITEM: Schema = {1: Field("status", "enum", names=ACK_STATUSES)}
DOWNLINK_ACK: Schema = {
    6: Field("gatewayId", "string"),
    2: Field("downlinkId", "uint"),
    5: Field("items", "message", _ACK_ITEM, repeated=True),
}
CONNECTION: Schema = {
    3: Field("gatewayId", "string"),
    2: Field("state", "enum", names=("OFFLINE", "ONLINE")),
}
EVENTS: dict[str, Schema] = {
    "up": UPLINK_FRAME,
    "stats": GATEWAY_STATS,
    "ack": DOWNLINK_ACK,
    "conn": CONNECTION,
}
