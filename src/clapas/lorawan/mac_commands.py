"""MAC commands, both ways (TS001 clause 5, 1.1 clause 5, class B clause 14, relay TS011)."""

from typing import Final

from clapas.lorawan.bits import Command, Field, Language, Values, language

_UP_TABLE = """
01 ResetInd dev_lorawan_version:4 -:4
02 LinkCheckReq
03 LinkADRAns ch_mask_ack:1 dr_ack:1 tx_power_ack:1 -:5
04 DutyCycleAns
05 RxParamSetupAns channel_ack:1 rx2_dr_ack:1 rx1_dr_offset_ack:1 -:5
06 DevStatusAns battery:8 margin:6:signed -:2
07 NewChannelAns channel_freq_ok:1 dr_range_ok:1 -:6
08 RxTimingSetupAns
09 TxParamSetupAns
0a DlChannelAns channel_freq_ok:1 uplink_freq_exists:1 -:6
0b RekeyInd dev_lorawan_version:4 -:4
0c ADRParamSetupAns
0d DeviceTimeReq
0f RejoinParamSetupAns time_ok:1 -:7
10 PingSlotInfoReq periodicity:3 -:5
11 PingSlotChannelAns channel_freq_ok:1 dr_ok:1 -:6
12 BeaconTimingReq
13 BeaconFreqAns beacon_freq_ok:1 -:7
20 DeviceModeInd class:8
40 RelayConfAns second_ch_freq_ack:1 second_ch_ack_offset_ack:1 second_ch_dr_ack:1 second_ch_idx_ack:1 default_ch_idx_ack:1 cad_periodicity_ack:1 -:2
41 EndDeviceConfAns second_ch_freq_ack:1 second_ch_dr_ack:1 second_ch_idx_ack:1 backoff_ack:1 -:4
42 FilterListAns filter_list_action_ack:1 filter_list_len_ack:1 combined_rules_ack:1 -:5
43 UpdateUplinkListAns
44 CtrlUplinkListAns uplink_list_idx_ack:1 -:7 w_fcnt:32
45 ConfigureFwdLimitAns
46 NotifyNewEndDeviceReq dev_addr:32:eui wor_snr:5:wor_snr wor_rssi:7:wor_rssi -:4
"""

_DOWN_TABLE = """
01 ResetConf serv_lorawan_version:4 -:4
02 LinkCheckAns margin:8 gw_cnt:8
03 LinkADRReq tx_power:4 dr:4 ch_mask:16:mask nb_rep:4 ch_mask_cntl:3 -:1
04 DutyCycleReq max_duty_cycle:4 -:4
05 RxParamSetupReq rx2_dr:4 rx1_dr_offset:3 opt_neg:1 frequency:24:frequency
06 DevStatusReq
07 NewChannelReq ch_index:8 freq:24:frequency min_dr:4 max_dr:4
08 RxTimingSetupReq delay:4 -:4
09 TxParamSetupReq max_eirp:4 uplink_dwell_time:1 downlink_dwell_time:1 -:2
0a DlChannelReq ch_index:8 freq:24:frequency
0b RekeyConf serv_lorawan_version:4 -:4
0c ADRParamSetupReq delay_exp:4 limit_exp:4
0d DeviceTimeAns seconds:32 fraction:8
0e ForceRejoinReq dr:4 rejoin_type:3 -:1 max_retries:3 period:3 -:2
0f RejoinParamSetupReq max_count_n:4 max_time_n:4
10 PingSlotInfoAns
11 PingSlotChannelReq freq:24:frequency dr:4 -:4
12 BeaconTimingAns delay:16 channel:8
13 BeaconFreqReq freq:24:frequency
20 DeviceModeConf class:8
40 RelayConfReq second_ch_ack_offset:3 second_ch_dr:4 second_ch_idx:2 default_ch_idx:1 cad_periodicity:3 start_stop:1:number -:2 second_ch_freq:24:frequency
41 EndDeviceConfReq smart_enable_level:2 relay_mode_activation:2 -:4 second_ch_ack_offset:3 second_ch_dr:4 second_ch_idx:2 backoff:6 -:1 second_ch_freq:24:frequency
42 FilterListReq filter_list_len:5 filter_list_action:2 filter_list_idx:4 -:5
43 UpdateUplinkListReq uplink_list_idx:4 -:4 reload_rate:6 bucket_size:2 dev_addr:32:eui w_fcnt:32 root_wor_s_key:128:bytes
44 CtrlUplinkListReq uplink_list_idx:4 ctrl_uplink_action:4
45 ConfigureFwdLimitReq overall_reload_rate:7 global_uplink_reload_rate:7 notify_reload_rate:7 join_req_reload_rate:7 reset_limit_counter:2 -:2 overall_limit_size:2 global_uplink_limit_size:2 notify_limit_size:2 join_req_limit_size:2
46 NotifyNewEndDeviceAns
"""


def _filter_eui(values: Values, _remaining: int) -> tuple[Field, ...]:
    return (Field("filter_list_eui", 8 * int(values["filter_list_len"]), "eui"),)


UPLINK: Final[Language] = language(_UP_TABLE)
DOWNLINK: Final[Language] = language(_DOWN_TABLE, {"FilterListReq": _filter_eui})


def decode_commands(data: bytes, *, uplink: bool) -> list[Command]:
    """Read the commands of FOpts or of a port 0 payload (already decrypted)."""
    return (UPLINK if uplink else DOWNLINK).decode(data)


def encode_commands(commands: list[Command], *, uplink: bool) -> bytes:
    """Write commands for FOpts or port 0; raises FrameError on values that do not fit."""
    return (UPLINK if uplink else DOWNLINK).encode(commands)
