"""Remote multicast setup, TS005 v1 and v2 (default port 200): the commands."""

from typing import Final

from clapas.lorawan.bits import Field, Language, Values, language

PORT: Final = 200
PACKAGE: Final = 2

_ERRORS = ("dr_error", "freq_error", "mc_group_undefined", "start_missed")


def _start(values: Values, _remaining: int) -> tuple[Field, ...]:
    """The time to start is sent only when nothing is wrong."""
    return () if any(values.get(error) for error in _ERRORS) else (Field("time_to_start", 24),)


def _groups(values: Values, _remaining: int) -> tuple[Field, ...]:
    return (Field("items", 40 * len(values["ans_group_mask"]), "groups"),)


_UP = """
00 PackageVersionAns package_identifier:8 package_version:8
01 McGroupStatusAns ans_group_mask:4:mask nb_total_groups:3 -:1
02 McGroupSetupAns mc_group_id:2 id_error:1 -:5
03 McGroupDeleteAns mc_group_id:2 mc_group_undefined:1 -:5
04 McClassCSessionAns mc_group_id:2 dr_error:1 freq_error:1 mc_group_undefined:1 {missed}
05 McClassBSessionAns mc_group_id:2 dr_error:1 freq_error:1 mc_group_undefined:1 {missed}
"""
_DOWN = """
00 PackageVersionReq
01 McGroupStatusReq req_group_mask:4:mask -:4
02 McGroupSetupReq mc_group_id:2 -:6 mc_addr:32:eui mc_key_encrypted:128:bytes min_mc_f_count:32 max_mc_f_count:32
03 McGroupDeleteReq mc_group_id:2 -:6
04 McClassCSessionReq mc_group_id:2 -:6 session_time:32 time_out:4 -:4 dl_frequency:24:frequency dr:8
05 McClassBSessionReq mc_group_id:2 -:6 session_time:32 time_out:4 periodicity:3 -:1 dl_frequency:24:frequency dr:8
"""
_EXTRAS = {"McClassCSessionAns": _start, "McClassBSessionAns": _start, "McGroupStatusAns": _groups}

UPLINK: Final[dict[int, Language]] = {
    1: language(_UP.format(missed="-:3"), _EXTRAS),
    2: language(_UP.format(missed="start_missed:1 -:2"), _EXTRAS),
}
DOWNLINK: Final[dict[int, Language]] = {1: language(_DOWN), 2: language(_DOWN)}
