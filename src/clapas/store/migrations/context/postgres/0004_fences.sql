-- What a client deleted of an evolution whose values the platform keeps: what was observed until then
-- is not told any more, whenever it arrives. '' stands for every attribute.
CREATE TABLE ngsild_fence (
    tenant text NOT NULL,
    entity text NOT NULL,
    attribute text NOT NULL,
    dataset text NOT NULL,
    everything boolean NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (tenant, entity, attribute, dataset)
);
