"""Registry, present state and series in PostgreSQL; raw messages and history in ClickHouse."""
