"""A systemd unit for the platform (systemd.exec(5), systemd.service(5))."""

from collections.abc import Sequence
from pathlib import Path

UNIT = """\
# Install: clapas service --data {data} | sudo tee /etc/systemd/system/clapas.service
#          sudo systemctl daemon-reload && sudo systemctl enable --now clapas
[Unit]
Description=Clapas, the open platform of a connected territory
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User={user}
ExecStart="{program}" up --data "{data}"{options}
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=120
Restart=on-failure
RestartSec=5
LimitNOFILE=65536
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths={writes}
{capabilities}ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
"""


FIRST_ORDINARY_PORT = 1024


def unit(
    *,
    program: Path,
    data: Path,
    user: str,
    host: str = "",
    port: int = 0,
    also: Sequence[Path] = (),
) -> str:
    """The unit's text; as root PostgreSQL runs as another user, which needs its own place.

    Everything is read-only to the service but the data directory and ``also``: the folder of backups.
    """
    places = [data, *also, *([Path("/var/lib/clapas")] if user == "root" else [])]
    low = 0 < port < FIRST_ORDINARY_PORT and user != "root"
    options = (f" --host {host}" if host else "") + (f" --port {port}" if port else "")
    return UNIT.format(
        program=program,
        data=data,
        user=user,
        options=options,
        writes=" ".join(f'"{place}"' for place in places),
        capabilities="AmbientCapabilities=CAP_NET_BIND_SERVICE\n" if low else "",
    )
