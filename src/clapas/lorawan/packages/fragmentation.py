"""Fragmented data block transport, TS004 v1 and v2 (default port 201): the commands."""

from typing import Final

from clapas.lorawan.bits import Field, Language, Values, language

PORT: Final = 201
PACKAGE: Final = 3


def _data(values: Values, remaining: int) -> tuple[Field, ...]:
    size = len(values["data"]) // 2 if "data" in values else remaining
    return (Field("data", 8 * size, "bytes"),)


_SETUP = (
    "mc_group_bit_mask:4:mask frag_index:2 -:2 nb_frag:16 frag_size:8 block_ack_delay:3 {algorithm} padding:8"
    " descriptor:32:bytes"
)
_UP_V1 = """
00 PackageVersionAns package_identifier:8 package_version:8
01 FragSessionStatusAns nb_frag_received:14 frag_index:2 missing_frag:8 not_enough_matrix_memory:1 -:7
02 FragSessionSetupAns encoding_unsupported:1 not_enough_memory:1 frag_session_index_not_supported:1 wrong_descriptor:1 -:2 frag_index:2
03 FragSessionDeleteAns frag_index:2 session_does_not_exist:1 -:5
"""
_DOWN_V1 = f"""
00 PackageVersionReq
01 FragSessionStatusReq participants:1 frag_index:2 -:5
02 FragSessionSetupReq {_SETUP.format(algorithm="fragmentation_matrix:3 -:2")}
03 FragSessionDeleteReq frag_index:2 -:6
08 DataFragment n:14 frag_index:2
"""
_UP_V2 = """
00 PackageVersionAns package_identifier:8 package_version:8
01 FragSessionStatusAns memory_error:1 mic_error:1 session_does_not_exist:1 -:5 nb_frag_received:14 frag_index:2 missing_frag:8
02 FragSessionSetupAns frag_algo_unsupported:1 not_enough_memory:1 frag_index_unsupported:1 wrong_descriptor:1 session_cnt_replay:1 -:1 frag_index:2
03 FragSessionDeleteAns frag_index:2 session_does_not_exist:1 -:5
04 FragDataBlockReceivedReq frag_index:2 mic_error:1 -:5
"""
_DOWN_V2 = f"""
00 PackageVersionReq
01 FragSessionStatusReq participants:1 frag_index:2 -:5
02 FragSessionSetupReq {_SETUP.format(algorithm="frag_algo:3 ack_reception:1 -:1")} session_cnt:16 mic:32:bytes
03 FragSessionDeleteReq frag_index:2 -:6
04 FragDataBlockReceivedAns frag_index:2 -:6
08 DataFragment n:14 frag_index:2
"""

UPLINK: Final[dict[int, Language]] = {1: language(_UP_V1), 2: language(_UP_V2)}
DOWNLINK: Final[dict[int, Language]] = {
    1: language(_DOWN_V1, {"DataFragment": _data}),
    2: language(_DOWN_V2, {"DataFragment": _data}),
}
