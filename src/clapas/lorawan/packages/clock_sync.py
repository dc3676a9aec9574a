"""Application layer clock synchronisation, TS003 v1 and v2 (default port 202)."""

from typing import Final

from clapas.lorawan.bits import Language, language

PORT: Final = 202
PACKAGE: Final = 1

_UP = """
00 PackageVersionAns package_identifier:8 package_version:8
01 AppTimeReq device_time:32 token_req:4 ans_required:1 -:3
02 DeviceAppTimePeriodicityAns not_supported:1 -:7 time:32
"""
_DOWN = """
00 PackageVersionReq
01 AppTimeAns time_correction:32:signed token_ans:4 -:4
02 DeviceAppTimePeriodicityReq period:4 -:4
03 ForceDeviceResync nb_transmissions:3 -:5
"""

UPLINK: Final[Language] = language(_UP)
DOWNLINK: Final[Language] = language(_DOWN)
"""The bytes of v1 and v2 are the same; ``ForceDeviceResyncReq`` became ``Cmd`` in v2."""
