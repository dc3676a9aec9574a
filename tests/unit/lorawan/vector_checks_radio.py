"""How the published vectors of regions, class B, airtime and ADR are held against our code."""

from datetime import datetime, timedelta
from typing import Any

from clapas.lorawan import adr, airtime, class_b, gps
from clapas.lorawan.regions import region
from clapas.lorawan.regions.plan import mask_plan, new_channel_range

Given = dict[str, Any]
EU868 = region("EU868")
hexa = bytes.fromhex


def eu868_rx1_dr(given: Given, expected: Given) -> None:
    found = [EU868.rx1_data_rate(given["uplink_dr"], offset) for offset in range(6)]
    assert found == expected["rx1_dr_by_offset_0_to_5"]


def eu868_data_rate(given: Given, expected: Given) -> None:
    rate = EU868.data_rate(given["dr"])
    found: Given = {
        "modulation": {"LORA": "LoRa", "FSK": "FSK", "LR_FHSS": "LR-FHSS"}[rate.modulation]
    }
    found |= {
        "sf": rate.sf,
        "bw_khz": rate.bandwidth // 1000,
        "required_snr_db": rate.required_snr,
        "bitrate": rate.bitrate,
        "coding_rate": rate.coding,
        "ocw_hz": rate.width,
        "uplink_only": not rate.downlink,
    }
    assert {name: found[name] for name in expected} == expected
    if rate.downlink:
        assert EU868.dr_of(rate.text) == given["dr"]


def eu868_max_payload(given: Given, expected: Given) -> None:
    dr = given["dr"]
    alone, repeated = EU868.max_payload[dr]
    assert (alone, EU868.payload_size(dr)) == (expected["M_no_repeater"], expected["N_no_repeater"])
    assert (repeated, EU868.payload_size(dr, repeater=True)) == (
        expected["M_repeater"],
        expected["N_repeater"],
    )


def eu868_tx_power(given: Given, expected: Given) -> None:
    assert EU868.eirp(given["tx_power"]) == expected["eirp_dbm"]


def eu868_subband(given: Given, expected: Given) -> None:
    band = EU868.sub_band(given["frequency"])
    assert band is not None
    assert (band.duty_cycle, band.max_eirp) == (expected["duty_cycle"], expected["max_eirp_dbm"])


def eu868_defaults(_given: Given, expected: Given) -> None:
    assert [channel.frequency for channel in EU868.channels] == expected["uplink_channels"]
    assert list(EU868.usual_extra) == expected["cflist_usual"]
    assert expected["rx2"] == {
        "frequency": EU868.rx2_frequency,
        "dr": EU868.rx2_dr,
        "ttn_rx2_dr": EU868.rx2_dr_advised,
    }
    assert (EU868.receive_delay, EU868.join_accept_delay) == (
        expected["receive_delay1"],
        expected["join_accept_delay1"],
    )
    beacon = expected["beacon"]
    assert (EU868.class_b.beacon_frequency, EU868.class_b.beacon_dr) == (
        beacon["frequency"],
        beacon["dr"],
    )
    assert 1000 * beacon["period_s"] == class_b.BEACON_PERIOD_MS
    assert EU868.class_b.ping_frequency == expected["ping_slot_frequency"]
    assert EU868.max_eirp == expected["max_eirp_dbm"]


def eu868_newchannel_dr_range(given: Given, expected: Given) -> None:
    assert new_channel_range(frozenset(given["data_rates"])) == (
        expected["min_dr"],
        expected["max_dr"],
    )


def eu868_chmask_plan(given: Given, expected: Given) -> None:
    standard = frozenset(range(3))
    every = standard | frozenset(range(3, 3 + len(given["network_extra_channels"])))
    mask, result = mask_plan(
        standard=standard,
        network=every - frozenset(given["network_disabled"]),
        device=frozenset(given["device_channels"]),
    )
    requests = expected["link_adr_req"]
    assert list(mask) == (requests[0]["ch_mask"] if requests else [])
    assert sorted(result) == expected["resulting_channels"]


def class_b_ping_slot(given: Given, expected: Given) -> None:
    found = class_b.next_ping_slot(
        given["after_gps_ms"], int(given["dev_addr"], 16), ping_nb=given["ping_nb"]
    )
    assert found == expected["slot_gps_ms"]


def class_b_ping_offset(given: Given, expected: Given) -> None:
    found = class_b.ping_offset(
        given["beacon_time"], int(given["dev_addr"], 16), ping_period=given["ping_period_slots"]
    )
    assert found == expected["offset"]


def gps_time(given: Given, expected: Given) -> None:
    moment = datetime.fromisoformat(given["utc"])
    assert gps.to_gps(moment) == timedelta(seconds=expected["gps_seconds"])
    assert gps.from_gps(timedelta(seconds=expected["gps_seconds"])) == moment


def airtime_us(given: Given, expected: Given) -> None:
    if given.get("modulation") == "FSK":
        assert airtime.fsk_airtime_us(given["bytes"], given["bitrate"]) == expected["us"]
        return
    found = airtime.lora_airtime_us(
        given["bytes"],
        sf=given["sf"],
        bandwidth_hz=1000 * given["bw_khz"],
        cr=airtime.coding_rate(given["cr"]),
        preamble=given.get("preamble", 8),
        crc=given["crc"],
        ldro=given.get("ldro"),
    )
    assert found == expected["us"]


def airtime_symbols(given: Given, expected: Given) -> None:
    found = airtime.payload_symbols(
        given["bytes"],
        sf=given["sf"],
        cr=airtime.coding_rate(given["cr"]),
        explicit_header=given["explicit_header"],
        ldro=given["ldro"],
    )
    assert found == expected["payload_symbols"]


def adr_step(given: Given, expected: Given) -> None:
    found = adr.step(
        given["n_step"],
        adr.Setting(given["dr"], given["tx_power_index"], 1),
        max_dr=given["max_dr"],
        max_tx_power=given["max_tx_power_index"],
    )
    assert (found.dr, found.tx_power) == (expected["dr"], expected["tx_power_index"])


def adr_nb_trans(given: Given, expected: Given) -> None:
    assert adr.nb_trans(given["packet_loss_pct"], given["nb_trans"]) == expected["nb_trans"]


def adr_handle(given: Given, expected: Given) -> None:
    setting = adr.Setting(given["dr"], given["tx_power"], given["nb_trans"])
    limits = adr.Limits(
        max_dr=given["max_dr"],
        max_tx_power=given["max_tx_power"],
        required_snr=given["required_snr"],
        margin=given["margin"],
    )
    history = [adr.Heard(index, snr) for index, snr in enumerate(given["max_snr"])]
    found = adr.decide(setting, limits, history=history) if given["adr"] else setting
    assert (found.dr, found.tx_power, found.nb_trans) == (
        expected["dr"],
        expected["tx_power"],
        expected["nb_trans"],
    )


def adr_packet_loss(given: Given, expected: Given) -> None:
    assert adr.packet_loss(given["f_cnt"]) == expected["loss_pct"]


def tx_param_setup_eirp(given: Given, expected: Given) -> None:
    assert list(airtime.EIRP_TABLE) == expected["table"]
    assert airtime.eirp_index(given["eirp"]) == expected["index"]


def sensitivity(given: Given, expected: Given) -> None:
    place = {"noise_figure": given["nf"], "snr": given["snr"]}
    assert int(airtime.sensitivity_dbm(given["bw"], **place)) == expected["sensitivity_dbm_int"]
    budget = airtime.link_budget_db(given["bw"], tx_power=17, **place)
    assert int(budget) == expected["link_budget_17dbm_int"]
