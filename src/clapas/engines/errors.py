"""What can go wrong with an engine: each of these is for the operator.

OperatorError
├── EngineUnavailable      (domain) an engine does not answer
│   ├── EngineMissing      its program is not installed, or not made for this machine
│   └── EngineDamaged      its files cannot be read any more
├── PortInUse              another program listens on the port
├── NoPlatformHere         the data directory is none: a path mistyped, or nothing started yet
├── DataDirectoryBusy      (domain) another process holds the data directory
└── DiskFull               (domain) no space is left
"""

from clapas.domain.errors import EngineUnavailable, OperatorError


class PortInUse(OperatorError):
    """Another program listens on this port."""

    code = "port_in_use"


class EngineMissing(EngineUnavailable):
    """The program of this engine is not installed, or is not made for this machine."""

    code = "engine_missing"


class EngineDamaged(EngineUnavailable):
    """The files of this engine cannot be read: restore a backup."""

    code = "engine_damaged"


class NoPlatformHere(OperatorError):
    """There is no platform in this directory: give the right one with --data, or start one with 'clapas up'."""

    code = "no_platform_here"


class DataDirectoryUnusable(OperatorError):
    """The data directory cannot be made, read or written."""

    code = "data_directory_unusable"
