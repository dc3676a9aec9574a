"""The running platform's own meters: the night's run, cases, what the subscriber is told."""
