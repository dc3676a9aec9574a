-- The evolution of an entity is read by those who may read the entity.
ALTER TABLE ngsild_evolution
    ADD COLUMN dataset text NOT NULL DEFAULT '',
    ADD COLUMN commune text NOT NULL DEFAULT '';
