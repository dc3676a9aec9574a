"""PostgreSQL, ClickHouse and NATS: embedded or by address."""
