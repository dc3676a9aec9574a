"""Application layer packages: clock synchronisation (TS003), fragmentation (TS004), multicast setup (TS005)."""
