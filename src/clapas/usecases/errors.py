"""What can go wrong in any trade.

InvalidInput
├── BadTable     a file of measurements that cannot be read
├── CannotWrite  a file that cannot be written where it is asked
└── BadPack      a trade pack whose description is wrong
NotFound
└── NoSuchPack   no trade pack has this name
"""

from clapas.domain.errors import InvalidInput, NotFound


class BadTable(InvalidInput):
    """The table cannot be read."""

    code = "trade_bad_table"


class CannotWrite(InvalidInput):
    """The file cannot be written there."""

    code = "trade_cannot_write"


class BadPack(InvalidInput):
    """The trade pack is wrong."""

    code = "trade_bad_pack"


class NoSuchPack(NotFound):
    """No trade pack has this name."""

    code = "trade_unknown"
