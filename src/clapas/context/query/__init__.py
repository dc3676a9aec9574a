"""The query languages of NGSI-LD, each compiled to a predicate that the database evaluates."""
