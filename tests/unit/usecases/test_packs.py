"""A trade is a folder: found, checked, added, removed, computed, printed; its story is told to the end."""

import csv
import io
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from clapas.cli import application
from clapas.domain.errors import InvalidInput
from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import Window
from clapas.rules.book import Book
from clapas.rules.model import Threshold
from clapas.store.indicators import KINDS, Scope, Source, checked
from clapas.store.rules_values import SeriesFacts
from clapas.store.values import Latest
from clapas.usecases import formula
from clapas.usecases.discovery import add, broken, discover, remove
from clapas.usecases.errors import BadPack, NoSuchPack
from clapas.usecases.figures import Measured, figures, state_of, unjudged
from clapas.usecases.gather import Line
from clapas.usecases.measures import expected_s, sources_of
from clapas.usecases.pack import COLOURS, Kind, Pack, load
from clapas.usecases.plot import round_values
from clapas.usecases.report import as_csv, as_pdf, counted, day, measure, moment, printable
from clapas.usecases.routes import limits_out
from clapas.usecases.story import wrong_in

PACKS = discover()
WINDOW = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


def same(pack: Pack, value: float, *, capture: float = 1.0) -> dict[str, Measured]:
    """Every indicator measured as this value."""
    return {each.id: Measured(value=value, capture=capture) for each in pack.indicators}


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_speaks_two_languages_and_says_how_it_was_checked(name: str) -> None:
    pack = PACKS[name]
    texts = [pack.title, pack.page.question, pack.dataset.title, pack.dataset.description]
    texts += [text for each in pack.indicators for text in (each.title, each.method)]
    assert all(each.fr.strip() and each.en.strip() for each in texts)
    for rule, verdict in pack.quality["rules"].items():
        assert verdict == "done" or verdict.startswith("exempt: "), rule
    assert pack.rules
    attributes = {each.ngsi for each in QUANTITIES.values()}
    assert {rule.target.attribute for rule in pack.rules} <= attributes


@pytest.mark.parametrize("name", PACKS)
def test_every_number_that_somebody_decided_says_who_and_since_when(name: str) -> None:
    pack = PACKS[name]
    assert pack.unsourced == ()
    used = {limit for named in pack.named.values() for limit in named}
    for each in pack.indicators:
        bounds = (each.low, each.high, *(getattr(each, colour) for colour in COLOURS))
        used |= {bound for bound in bounds if isinstance(bound, str)}
    for limit, found in pack.limits.items():
        assert found.title is not None, limit
        assert all(
            text.strip() for text in (found.title.fr, found.title.en, found.said.fr, found.said.en)
        )
        assert limit in used | {"short"}, f"{limit} is used by nothing"
    shown = {each.id: each for each in limits_out(pack)}
    assert all(shown[limit].alarms for named in pack.named.values() for limit in named)


@pytest.mark.parametrize("name", PACKS)
def test_the_story_of_every_pack_this_uplink_this_observation_this_alarm(name: str) -> None:
    assert wrong_in(PACKS[name]) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"observation": 1.0}, "becomes 1800.0, not 1.0"),
        ({"alarm": "joy"}, "not joy"),
        ({"from": "2026-01-11T08:00:00Z"}, "raises nothing"),
        ({"binding": {}}, "nothing says"),
    ],
)
def test_a_story_that_is_not_so_is_told(change: dict[str, Any], why: str) -> None:
    pack = PACKS["school_air"]
    told = wrong_in(msgspec.structs.replace(pack, story=pack.story | change))
    assert len(told) == 1
    assert why in told[0]


def test_a_story_without_its_parts_says_which() -> None:
    pack = PACKS["school_air"]
    (told,) = wrong_in(msgspec.structs.replace(pack, story={"message": pack.story["message"]}))
    assert told.startswith("story.json: nothing says 'binding'")


@pytest.mark.parametrize(
    ("target", "why"),
    [({"attribute": "warp"}, "no quantity has the NGSI-LD name 'warp'"), ({"type": "Boat"}, "Boat is no type")],
)  # fmt: skip
def test_a_rule_that_aims_at_nothing_is_told(target: dict[str, Any], why: str) -> None:
    pack = PACKS["parking"]
    aimed = msgspec.structs.replace(pack.rules[0].target, **target)
    rules = (msgspec.structs.replace(pack.rules[0], target=aimed), *pack.rules[1:])
    told = wrong_in(msgspec.structs.replace(pack, rules=rules))
    assert why in told[0]


@pytest.mark.parametrize("name", PACKS)
def test_without_data_a_figure_is_none_and_never_zero(name: str) -> None:
    for each in figures(PACKS[name], {}):
        assert each.value is None
        assert (each.state, each.capture) == ("no_data", 0.0)


def test_too_little_data_is_said_before_any_colour() -> None:
    parking = PACKS["parking"]
    for capture, state in ((0.5, "insufficient"), (1.0, "alert")):
        full = {
            "free_mean": Measured(value=0.0, capture=capture),
            "total_mean": Measured(value=200.0, capture=1.0, suspect=0.1),
            "still": Measured(value=30.0, capture=capture),
        }
        found = {each.indicator: each for each in figures(parking, full)}
        assert found["occupancy"].value == 100.0
        assert (found["occupancy"].state, found["still"].state) == (state, state)
        assert (found["occupancy"].capture, found["occupancy"].suspect) == (capture, 0.1)
        assert found["free"].state == "no_data"


def test_a_formula_is_arithmetic_and_nothing_else() -> None:
    assert formula.compute("2.5 / log10(2) * log10(1 + f1 + 3*f2)", {"f1": 0.0, "f2": 1.0}) == 5.0
    assert formula.compute("1 / x", {"x": 0.0}) is None
    assert formula.compute("a + b", {"a": 1.0, "b": None}) is None
    assert formula.names_in("a + max(b, 1)") == {"a", "b"}
    for wrong in (
        "().__class__",
        "a.b",
        "[1]",
        "lambda: 1",
        "a if b else c",
        "'x' * 9",
        "x = 1",
        "9**9**9**9",
    ):
        try:
            assert formula.compute(wrong, {"a": 1.0, "b": 1.0, "c": 1.0}) is None
        except BadPack:
            continue


def test_a_pack_is_added_updated_and_removed_without_touching_the_platform(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    shutil.copytree(PACKS["parking"].folder, source)
    text = (source / "pack.toml").read_text().replace('name = "parking"', 'name = "harbour"')
    (source / "pack.toml").write_text(text)
    rules = (source / "rules.json").read_text().replace('"trade": "parking"', '"trade": "harbour"')
    (source / "rules.json").write_text(rules)
    (source / "evil.py").write_text("raise SystemExit")
    data = tmp_path / "data"
    assert add(source, data).name == "harbour"
    assert not (data / "usecases" / "harbour" / "evil.py").exists()
    (source / "pack.toml").write_text(text.replace('version = "1.0.0"', 'version = "1.1.0"'))
    wheel = tmp_path / "harbour-1.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in source.iterdir():
            archive.write(path, f"harbour/{path.name}")
    assert add(wheel, data).version == "1.1.0"
    assert set(discover(data)) == {*PACKS, "harbour"}
    assert remove("harbour", data) == "deleted"
    assert remove("bikes", data) == "off"
    assert set(discover(data)) == set(PACKS) - {"bikes"}
    with pytest.raises(NoSuchPack):
        remove("bikes", data)
    add(Path(PACKS["bikes"].folder), data)
    assert set(discover(data)) == set(PACKS)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('quantity = "free_places"', 'quantity = "warp"', "no quantity 'warp'"),
        ('headline = "occupancy"', 'headline = "joy"', "which is no indicator"),
        ('expression = "1 - free_mean', 'expression = "1 - nothing', "the formula names"),
        ("interval_s = 3600", "interval_s = 0", "interval_s is a positive"),
        ("period_days = 7", "period_days = -7", "period_days is 1 to 400"),
        ('name = "parking"', 'name = "../up"', "a name is lower case"),
        ('kind = "latest"', 'kind = "magic"', r"pack\.toml"),
        ('fr = "Parkings"', 'de = "Parkplätze"', r"pack\.toml"),
    ],
)
def test_a_wrong_pack_is_refused_with_its_reason(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    source = tmp_path / "mine"
    shutil.copytree(PACKS["parking"].folder, source)
    text = (source / "pack.toml").read_text()
    assert old in text
    (source / "pack.toml").write_text(text.replace(old, new))
    with pytest.raises(BadPack, match=why):
        add(source, tmp_path / "data")
    assert [
        path for path in (tmp_path / "data" / "usecases").iterdir() if path.suffix != ".json"
    ] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("rules.json", '"limit": "one"', '"limit": "nobody"', "'parking-full': no limit 'nobody'; there are one"),
        ("rules.json", '"limit": "one"', '"limit": "packed"', None),
        ("rules.json", '"operator": "<"', '"operator": "near"', r"rules\.json"),
        ("rules.json", "[", "[3,", "a rule is an object"),
        ("rules.json", "[", "[[", r"rules\.json"),
        ("pack.toml", 'watch_above = "busy"', 'watch_above = "calm"', "occupancy: no limit 'calm'"),
        ("pack.toml", "valid_from = 2005-01-01", 'valid_from = "once"', r"pack\.toml"),
        ("pack.toml", "[limits.busy]", "[limits.busy", r"pack\.toml"),
        ("pack.toml", 'unit = "min"', 'unit = "minutes"', "hold_s is a time: the unit of 'full_for' is one of s, min, h, d"),
    ],
)  # fmt: skip
def test_rules_take_their_numbers_from_limits_and_a_wrong_one_is_named(
    tmp_path: Path, file: str, old: str, new: str, why: str | None
) -> None:
    source = tmp_path / "mine"
    shutil.copytree(PACKS["parking"].folder, source)
    text = (source / file).read_text()
    assert old in text
    (source / file).write_text(text.replace(old, new, 1))
    if why is None:
        full = next(rule for rule in load(source).rules if rule.id == "parking-full")
        assert isinstance(full.when, Threshold)
        assert (full.when.limit, full.hold_s) == (97.0, 600)
        return
    with pytest.raises(BadPack, match=why):
        load(source)


def test_a_bare_number_works_and_is_told_to_have_no_source(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    shutil.copytree(PACKS["parking"].folder, source)
    for file, old, new in (
        ("rules.json", '"limit": "one"', '"limit": 1.0'),
        ("pack.toml", 'watch_above = "busy"', "watch_above = 85.0"),
    ):
        (source / file).write_text((source / file).read_text().replace(old, new))
    told = load(source).unsourced
    assert len(told) == 2
    assert "the rule 'parking-full': limit 1.0 has no source" in told[0]
    assert "occupancy: watch_above 85.0 has no source" in told[1]


def test_a_pack_that_broke_on_disk_is_left_out_and_named_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    source, data = tmp_path / "mine", tmp_path / "data"
    shutil.copytree(PACKS["parking"].folder, source)
    for file in ("pack.toml", "rules.json"):
        text = (source / file).read_text()
        (source / file).write_text(text.replace('"parking"', '"harbour"'))
    add(source, data)
    (data / "usecases" / "harbour" / "rules.json").write_text("{")
    assert set(discover(data)) == set(PACKS)
    assert "harbour/rules.json" in broken(data)["harbour"]
    told = CliRunner().invoke(application(), ["usecase", "list", "--data", str(data)])
    assert told.exit_code == 1
    assert "harbour cannot be read" in told.output
    assert "parking 1.0.0" in told.output


def lines_of(pack: Pack) -> list[Line]:
    story = pack.story["binding"]
    return [
        Line(
            entity=story["entity"], name="=Salle « Griffon » #1 $x$", type=pack.types[0], commune="34172",
            longitude=None, latitude=None, simulated=False, figures=figures(pack, each),
        )
        for each in (same(pack, 0.5), {})
    ]  # fmt: skip


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_prints_its_report(name: str) -> None:
    pack = load(Path(PACKS[name].folder))
    printed = as_pdf(
        pack, lines_of(pack), window=WINDOW, zone="Europe/Paris", territory="Montpellier",
        made=WINDOW.end + timedelta(hours=1),
    )  # fmt: skip
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 5000
    assert b"pdfuaid:part" in printed
    assert b"/StructTreeRoot" in printed
    rows = list(csv.DictReader(io.StringIO(as_csv(lines_of(pack)).decode())))
    shown = sum(not each.hidden for each in pack.indicators)
    assert len(rows) == 2 * shown
    assert {row["value"] for row in rows[shown:]} == {""}
    assert rows[0]["name"].startswith("'=")


def test_the_weather_outside_a_museum_is_shown_and_not_judged() -> None:
    pack = load(Path(PACKS["museum"].folder))
    assert any(word in "extérieur du musée" for word in pack.beside)
    wild = figures(pack, same(pack, 99.0))
    assert state_of(pack, wild) == "alert"
    assert state_of(pack, unjudged(wild)) == "beside"
    assert [each.value for each in unjudged(wild)] == [each.value for each in wild]
    assert state_of(pack, unjudged(figures(pack, {}))) == "no_data"
    watched = {rule.id for rule in pack.rules if not rule.target.leaves("Extérieur du musée")}
    assert watched == {"museum-silence"}, "only its silence is worth an alarm"
    assert not any(rule.target.leaves("Salle Bazille") for rule in pack.rules)


def test_a_column_that_says_nothing_of_any_point_is_not_printed() -> None:
    pack = load(Path(PACKS["counters"].folder))
    line = lines_of(pack)[0]
    mute = [
        msgspec.structs.replace(each, value=None, state="no_data")
        if each.indicator == pack.page.columns[-1]
        else each
        for each in line.figures
    ]
    told = [msgspec.structs.replace(line, figures=mute)]
    assert printable(pack, [line]) == (pack.page.headline, *pack.page.columns)
    assert printable(pack, told) == (pack.page.headline, *pack.page.columns[:-1])
    assert printable(pack, []) == (pack.page.headline,)


def test_a_printed_report_says_what_is_wrong_first_in_the_words_of_a_letter() -> None:
    parking = PACKS["parking"]
    found = figures(parking, same(parking, 0.5))
    assert state_of(parking, found) == "ok"
    assert state_of(parking, []) == "no_data"
    assert state_of(parking, figures(parking, {})) == "no_data"
    still = figures(parking, same(parking, 0.5) | {"still": Measured(value=30.0, capture=1.0)})
    assert state_of(parking, still) == "alert"
    assert (
        counted(["ok", "alert", "no_data", "ok"]) == "1 en alerte, 2 dans la norme, 1 sans donnée."
    )
    paris = ZoneInfo("Europe/Paris")
    assert day(WINDOW.start - timedelta(days=4), paris) == "1er janvier 2026"
    assert moment(WINDOW.start, paris) == "5 janvier 2026 à 1\u00a0h\u00a000"
    assert round_values(25.0, 92.0) == [40.0, 60.0, 80.0]
    assert round_values(0.0, 1.0)[:2] == [0.0, 0.2]
    assert measure(1234.5, "veh / h") == "1\u202f234,5\u00a0veh\u00a0/\u00a0h"


def test_the_confinement_index_of_a_classroom_is_exact() -> None:
    school = PACKS["school_air"]
    for f1, f2, index, state in (
        (0.0, 0.0, 0.0, "ok"),
        (1.0, 0.0, 2.5, "ok"),
        (0.0, 1.0, 5.0, "alert"),
    ):
        shares = {"f1": Measured(value=f1, capture=1.0), "f2": Measured(value=f2, capture=0.9)}
        icone = next(each for each in figures(school, shares) if each.indicator == "icone")
        assert (icone.value, icone.state, icone.capture) == (index, state, 0.9)


def test_what_a_source_does_not_send_is_derived_from_its_own_total() -> None:
    def latest(series: int, entity: str, quantity: str) -> Latest:
        return Latest(series, entity, "", quantity, 0.0, 0, 0, 0, 0, 0, 0)

    mine = [
        latest(1, "a", "bikes_available"),
        latest(2, "a", "total_places"),
        latest(3, "b", "bikes_available"),
        latest(4, "b", "total_places"),
        latest(5, "b", "docks_available"),
        latest(6, "c", "bikes_available"),
    ]
    found = sources_of(PACKS["bikes"], mine, quantity="docks_available")
    assert found == {Source(5): "b", Source(1, 2): "a"}


def test_the_hours_that_count_are_civil_hours() -> None:
    paris = ZoneInfo("Europe/Paris")
    spring = Window(datetime(2026, 3, 29, tzinfo=paris), datetime(2026, 3, 30, tzinfo=paris))
    night = Scope(window=spring, interval_s=600, opens=0, closes=6 * 3600)
    assert expected_s(night, paris) == 5 * 3600
    assert expected_s(Scope(window=WINDOW, interval_s=600), paris) == 7 * 86_400
    school = Scope(window=WINDOW, interval_s=600, days=(1, 2, 4, 5), opens=30_600, closes=59_400)
    assert expected_s(school, paris) == 4 * 8 * 3600


def test_every_kind_of_indicator_is_a_query_but_for_the_band() -> None:
    assert set(KINDS) == set(get_args(Kind)) - {"sql", "formula", "outside_en15757"}


@pytest.mark.parametrize(
    "wrong",
    ["(SELECT 1)", "value; DROP", "file('x')", "'a'", "avg(value) FROM observation", "system", "sleep(3)", "", "a" * 600],
)  # fmt: skip
def test_an_indicator_in_sql_is_one_aggregate_and_nothing_else(wrong: str) -> None:
    assert checked("countIf(value < 1 and toHour(civil) >= 8) / count()")
    assert checked("quantile(0.95)(value)")
    with pytest.raises(InvalidInput):
        checked(wrong)


def test_a_trade_never_alarms_about_another_trades_rooms() -> None:
    museum = PACKS["museum"]
    classroom = SeriesFacts(
        1, "urn:ngsi-ld:IndoorEnvironmentObserved:1", "relativeHumidity", "relative_humidity",
        "IndoorEnvironmentObserved", "", "34172", {}, (), 900, None, None, (), "school-air",
    )  # fmt: skip
    book = Book(ZoneInfo("Europe/Paris"))
    book.replace(museum.rules)
    assert not book.ready(classroom)
    assert PACKS["school_air"].record in museum.others
