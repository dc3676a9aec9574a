"""The fleet: imports, life of devices, health, repairs, commands, sync with network servers."""
