"""The charter's settings: table ``[charter]`` of the configuration."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked when the charter refuses, and which datasets are known."""

    contact: str = ""
    """The person to ask after a refusal (a name, an address or a telephone number)."""
    classifications: dict[str, str] = {}
    """Dataset → 'ouvert', 'interne', 'restreint' or 'personnel'. A dataset not named is 'restreint'."""
