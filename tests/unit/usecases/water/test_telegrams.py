"""Telegrams in the clear: the index now, those of before with their dates; nothing breaks the reader."""

from datetime import datetime
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from clapas.codecs.errors import BadTelegram
from clapas.codecs.wmbus import read_telegram
from clapas.usecases.water.commands import register


def frame(records: str, *, ci: str = "7a", header: str = "8f000000") -> bytes:
    """A frame of meter 12345678 with these records (hex)."""
    body = bytes.fromhex(f"44ee4d785634123c06{ci}{header}{records}")
    return bytes([len(body)]) + body


NOW = "0c1348550000"  # 8 decimals, litres: 5.548 m³


def test_the_index_is_read_in_litres() -> None:
    told = read_telegram(frame(NOW))
    assert told.meter == "12345678"
    assert told.now is not None
    assert told.now.litres == pytest.approx(5548.0)
    assert told.before == ()


def test_the_index_of_the_month_before_comes_with_its_date() -> None:
    told = read_telegram(frame(NOW + "426c7f2c" + "4c1300500000"))
    assert told.before[0].litres == pytest.approx(5000.0)
    assert told.before[0].at == datetime(2019, 12, 31)  # noqa: DTZ001 civil time of the meter


def test_other_units_and_binary_numbers_are_read() -> None:
    told = read_telegram(frame("046d0f0e5c2b" + "0415d2040000"))
    assert told.now is not None
    assert told.now.litres == pytest.approx(1234 * 100.0)
    assert told.now.at == datetime(2018, 11, 28, 14, 15)  # noqa: DTZ001 civil time of the meter


def test_an_encrypted_telegram_is_refused_with_the_meters_number() -> None:
    with pytest.raises(BadTelegram, match="encrypted"):
        read_telegram(frame("00" * 16, header="8f001005"))


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        told = read_telegram(bytes([min(len(body), 255)]) + body)
    except BadTelegram:
        return
    assert len(told.meter) == 8


def test_the_command_writes_readings_that_the_detector_takes(tmp_path: Path) -> None:
    source = tmp_path / "telegrams.csv"
    good, locked = frame(NOW + "426c7f2c" + "4c1300500000"), frame("00" * 16, header="8f001005")
    source.write_text(
        f"received;telegram\n2020-01-15T06:00:00Z;{good.hex()}\n2020-01-15T06:00:01Z;{locked.hex()}\n",
        encoding="utf-8",
    )
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = tmp_path / "readings.csv"
    done = CliRunner().invoke(app, ["water", "telegrams", str(source), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 not read" in done.output
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "meter;datetime;index"
    assert lines[1:] == [
        "12345678;2019-12-30T23:00:00+00:00;5000.0",
        "12345678;2020-01-15T06:00:00+00:00;5548.0",
    ]
