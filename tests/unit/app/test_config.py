"""Settings: one file and the environment, validated, with errors that name the key, the value, what is accepted."""

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from clapas import config
from clapas.domain.errors import BadSetting


def test_the_defaults_need_no_file(tmp_path: Path) -> None:
    found = config.load(tmp_path, environment={})
    assert found.engines.postgres == "embedded"
    assert found.engines.mqtt_host == "127.0.0.1"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "clapas.toml").write_text('[engines]\nmqtt_port = 1884\nmqtt_host = "::1"\n')
    found = config.load(
        tmp_path, environment={"CLAPAS_ENGINES__MQTT_PORT": "1885", "CLAPAS_DATA": "/x"}
    )
    assert found.engines.mqtt_port == 1885
    assert found.engines.mqtt_host == "::1"


def test_nested_keys_and_plain_text_come_from_the_environment(tmp_path: Path) -> None:
    address = "postgresql://a:b@db.example:5432/clapas"
    environment = {
        "CLAPAS_PIPELINE__LIMITS__MAX_PAYLOAD": "5000",
        "CLAPAS_ENGINES__POSTGRES": address,
    }
    found = config.load(tmp_path, environment=environment)
    assert found.pipeline.limits.max_payload == 5000
    assert found.engines.postgres == address


@pytest.mark.parametrize("text", ['{reader = "agents"}', '{"reader": "agents"}'])
def test_a_table_comes_from_the_environment_as_toml_or_as_json(tmp_path: Path, text: str) -> None:
    found = config.load(tmp_path, environment={"CLAPAS_IDENTITY__DIRECTORY__ROLES": text})
    assert found.identity.directory.roles == {"reader": "agents"}


@pytest.mark.parametrize(
    ("environment", "key", "value", "accepted"),
    [
        ({"CLAPAS_ENGINES__MQTT_PORT": "99999"}, "engines.mqtt_port", "99999", "int <= 65535"),
        ({"CLAPAS_ENGINES__MQTT_PORT": "abc"}, "engines.mqtt_port", '"abc"', "int"),
        ({"CLAPAS_ENGINES__MQTTPORT": "1"}, "engines.mqttport", "1", "one of the keys"),
        ({"CLAPAS_ENGINE__MQTT_PORT": "1"}, "CLAPAS_ENGINE__MQTT_PORT", '"1"', "ENGINES"),
        ({"CLAPAS_ENGINES__NATS_SYNC": "2s"}, "engines.nats_sync", '"2s"', "enum"),
        ({"CLAPAS_PIPELINE__LIMITS__LATE": "1"}, "pipeline.limits.late", "1", "late_s"),
    ],
)
def test_a_wrong_value_names_key_value_and_what_is_accepted(
    tmp_path: Path, environment: dict[str, str], key: str, value: str, accepted: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        config.load(tmp_path, environment=environment)
    assert caught.value.values["key"] == key
    assert caught.value.values["value"] == value
    assert accepted in caught.value.values["accepted"]
    assert f"{key} = {value}" in str(caught.value)


def test_secrets_stay_out_of_messages(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as caught:
        config.load(tmp_path, environment={"CLAPAS_ENGINES__NATS_ISSUER_SEED": "[1, 2]"})
    assert caught.value.values["value"] == "(hidden)"
    with pytest.raises(BadSetting) as caught:
        config.load(tmp_path, environment={"CLAPAS_ENGINES__WRONG": "postgresql://me:hunter2@db/x"})
    assert "hunter2" not in str(caught.value)


def test_a_broken_file_says_where(tmp_path: Path) -> None:
    (tmp_path / "clapas.toml").write_text("[engines\n")
    with pytest.raises(BadSetting, match="line 1"):
        config.load(tmp_path, environment={})
    with pytest.raises(BadSetting, match="does not exist"):
        config.load(tmp_path, tmp_path / "other.toml", environment={})


def test_the_annotated_default_is_a_settings_file_that_changes_nothing(tmp_path: Path) -> None:
    text = config.annotated_default()
    (tmp_path / "clapas.toml").write_text(text)
    assert config.load(tmp_path, environment={}) == config.Configuration()
    keys = re.compile(r"^# ([a-z_.]+ = .*)$|^(\[.*\])$", re.MULTILINE)
    values = "\n".join(key or table for key, table in keys.findall(text))
    shown = tomllib.loads(values)
    assert shown["engines"]["clickhouse_query_seconds"] == 30
    assert shown["pipeline"]["limits"]["max_payload"] == 1_048_576


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{name}.{field.name}"
        for name, table in config.rooms().items()
        for field in msgspec.structs.fields(table)
        if field.name not in config.key_meanings(table)
        and not isinstance(field.default, msgspec.Struct)
    ]
    assert silent == []


def test_a_configuration_travels_to_the_roles_as_json(tmp_path: Path) -> None:
    found = config.load(tmp_path, environment={"CLAPAS_ENGINES__MQTT_PORT": "1885"})
    there = msgspec.json.decode(msgspec.json.encode(found), type=config.Configuration)
    assert there == found
    assert json.loads(msgspec.json.encode(there))["engines"]["mqtt_port"] == 1885
