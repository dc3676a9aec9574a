"""Who may do what, and why: one decision for every exit."""
