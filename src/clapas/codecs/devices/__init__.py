"""One file a family of devices; each exports ``CODEC``."""
