"""What the charter promises over time: persons' rights, deletion with proof, reorganisations, reports."""

from clapas.governance.reorganise import Effect, Move, Plan, dry_run
from clapas.governance.retention import apply_retention
from clapas.governance.rights import Rights

__all__ = ["Effect", "Move", "Plan", "Rights", "apply_retention", "dry_run"]
