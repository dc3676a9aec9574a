"""JavaScript codecs: the LoRa Alliance payload codec API (TS013-1.0.0) in a sandbox of processes."""
