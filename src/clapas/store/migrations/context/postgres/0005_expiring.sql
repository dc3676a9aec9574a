-- Entities with an attribute that expires: the few that the sweep looks at.
CREATE INDEX ngsild_entity_expiring ON ngsild_entity (tenant, id)
    WHERE jsonb_path_exists(doc, '$.*[*].expiresAt');
