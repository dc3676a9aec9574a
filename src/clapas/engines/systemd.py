"""A systemd unit for the platform (systemd.exec(5), systemd.service(5))."""

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
ExecStart="{program}" up --data "{data}"
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
ReadWritePaths="{data}"{more}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
"""


def unit(*, program: Path, data: Path, user: str) -> str:
    """The unit's text; as root PostgreSQL runs as another user, which needs its own place."""
    more = "\nReadWritePaths=/var/lib/clapas" if user == "root" else ""
    return UNIT.format(program=program, data=data, user=user, more=more)
