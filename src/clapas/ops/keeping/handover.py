"""The handover file."""
