"""YAML 1.2 with the core schema, as js-yaml reads it: ``on``, ``12:30:45`` and dates stay text.

The device repositories are written for that reader (YAML 1.2.2, section 10.3); a YAML 1.1 reader turns
their words into booleans and their times into numbers.
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import BaseResolver

from clapas.codecs.errors import CodecError

_INT = r"[-+]?[0-9][0-9_]*|0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+"
_FLOAT = (
    r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


class _Resolver(BaseResolver):
    """The core schema's implicit types, and the merge key."""

    def __init__(self, version: object = None, loader: Any = None) -> None:  # noqa: ARG002
        super().__init__(loader)

    @property
    def processing_version(self) -> tuple[int, int]:
        """The scanner asks by which version's rules it reads."""
        return (1, 2)


class _Constructor(SafeConstructor):
    """Numbers as JavaScript reads them."""

    def core_int(self, node: ScalarNode) -> int:
        text = str(node.value).replace("_", "")
        base = {"0b": 2, "0o": 8, "0x": 16}.get(text[:2].lower(), 10)
        return int(text, base)

    def core_float(self, node: ScalarNode) -> float:
        text = str(node.value).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))

    def core_bool(self, node: ScalarNode) -> bool:
        return str(node.value).lower() == "true"


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+0123456789."),
    ("merge", "<<", "<"),
    ("null", r"~|null|Null|NULL", "~nN"),
):
    _Resolver.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )
_Resolver.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])
for _tag, _method in (
    ("int", _Constructor.core_int),
    ("float", _Constructor.core_float),
    ("bool", _Constructor.core_bool),
):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", _method)


def load(path: Path) -> Any:
    """The document in a file.

    Raises:
        CodecError: the file cannot be read as YAML 1.2.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Resolver = _Resolver
    reader.Constructor = _Constructor
    reader.allow_duplicate_keys = True
    try:
        return reader.load(path.read_text(encoding="utf-8-sig"))
    except (YAMLError, OSError, UnicodeDecodeError, ValueError) as problem:
        raise CodecError(f"{path.name} is not YAML 1.2: {problem}") from None
