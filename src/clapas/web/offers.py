"""What the page offers to whom: it shows no menu and no form that the charter would refuse.

The guard asks again at each call; this only spares people doors that are closed to them.
"""

from clapas.charter import Charter, collection
from clapas.domain.access import Principal

ASKED = (
    ("administer", "account"),
    ("administer", "application"),
    ("administer", "charter"),
    ("administer", "device"),
    ("administer", "glass"),
    ("administer", "key"),
    ("administer", "model"),
    ("administer", "subscriber"),
    ("read", "audit"),
    ("read", "privacy"),
    ("write", "alarm"),
    ("write", "dataset"),
    ("write", "device"),
    ("write", "gateway"),
    ("write", "import"),
    ("write", "model"),
    ("write", "reject"),
    ("write", "repair"),
    ("write", "rule"),
)
"""The questions on which a menu, a form or a button depends; the pages ask no other."""


def offered(charter: Charter, principal: Principal) -> list[str]:
    """Those that the charter answers with yes, as 'action kind'."""
    return [
        f"{action} {kind}"
        for action, kind in ASKED
        if charter.decide(principal, action, resource=collection(kind)).allow
    ]
