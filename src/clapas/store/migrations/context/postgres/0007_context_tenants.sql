-- Whom a hosted @context belongs to: one that a tenant added is served to that tenant (clause 5.5.10).
ALTER TABLE ngsild_context ADD COLUMN tenant text NOT NULL DEFAULT '';
