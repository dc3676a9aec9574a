-- Who a thing of the city belongs to, and how people sort it; its relations stay with the thing itself.
CREATE TABLE entity_file (
    entity text PRIMARY KEY REFERENCES entity (id) ON DELETE CASCADE,
    service text NOT NULL DEFAULT '',
    tags jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entity_relations ON entity USING gin (relations) WHERE relations <> '{}';
