"""Who you are: accounts, sessions, service keys."""
