"""The unit that ``clapas service`` prints, checked by systemd itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

from clapas.engines.systemd import unit

HERE = Path("/srv/clapas")


def test_the_service_may_write_its_data_and_the_named_folders_only() -> None:
    text = unit(program=Path("/usr/bin/env"), data=HERE, user="clapas", also=[Path("/mnt/copies")])
    assert 'ReadWritePaths="/srv/clapas" "/mnt/copies"\n' in text
    assert "ProtectSystem=strict" in text
    assert "AmbientCapabilities" not in text
    assert "/var/lib/clapas" in unit(program=Path("/x"), data=HERE, user="root")


def test_a_low_port_gets_the_right_it_needs_and_no_more() -> None:
    text = unit(program=Path("/x"), data=HERE, user="clapas", host="10.0.0.1", port=443)
    assert 'up --data "/srv/clapas" --host 10.0.0.1 --port 443\n' in text
    assert text.count("CAP_NET_BIND_SERVICE") == 1


def test_every_line_is_of_a_section(tmp_path: Path) -> None:
    text = unit(program=Path("/usr/bin/env"), data=HERE, user="root")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("=" in line or line.startswith("[") for line in lines)
    verify = shutil.which("systemd-analyze")
    if verify is not None:
        file = tmp_path / "clapas.service"
        file.write_text(text)
        done = subprocess.run(
            [verify, "verify", str(file)], capture_output=True, text=True, check=False
        )
        assert "Unknown" not in done.stderr
