"""Trade packs: one folder per trade."""
