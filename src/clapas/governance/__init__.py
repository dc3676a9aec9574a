"""What the charter promises over time: persons' rights, deletion with proof, reorganisations, reports."""

from clapas.governance.effect import Effect, dry_run
from clapas.governance.reorganise import Move, Plan
from clapas.governance.retention import apply_retention
from clapas.governance.rights import Rights

__all__ = ["Effect", "Move", "Plan", "Rights", "apply_retention", "dry_run"]
