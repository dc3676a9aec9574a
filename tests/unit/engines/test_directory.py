"""Files that a data directory keeps elsewhere belong to it alone."""

from pathlib import Path

import pytest

from clapas.engines import DataDirectory, directory


def test_files_of_a_deleted_directory_are_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "PUBLIC_ROOT", tmp_path / "public")
    with DataDirectory.open(tmp_path / "data") as first:
        place = first.claim("postgres")
        place.mkdir(parents=True)
        (place / "PG_VERSION").write_text("18")
    with DataDirectory.open(tmp_path / "data") as again:
        assert again.claim("postgres") == place
        assert (place / "PG_VERSION").exists(), "a later start finds its own files"
    (tmp_path / "data").rename(tmp_path / "deleted")
    with DataDirectory.open(tmp_path / "data") as other:
        assert other.claim("postgres") == place
        assert not place.exists(), "another directory of the same path begins with nothing"
    (aside,) = (tmp_path / "public").iterdir()
    assert (aside / "PG_VERSION").read_text() == "18"
