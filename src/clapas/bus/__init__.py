"""The durable logs: subjects, streams, publishing, batched consumers."""
