-- Water: the utility's own assets and work orders, brought from its GIS and its maintenance tool.
CREATE TABLE water_asset (
    reference   text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('pipe', 'valve', 'hydrant', 'meter', 'tank', 'pump', 'connection', 'other')),
    sector      text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT '',
    material    text NOT NULL DEFAULT '',
    diameter_mm double precision,
    length_m    double precision,
    laid        integer,
    places      jsonb NOT NULL DEFAULT '[]',
    commune     text NOT NULL DEFAULT '',
    dataset     text NOT NULL DEFAULT 'water',
    brought     bigint NOT NULL,
    actor       text NOT NULL DEFAULT ''
);
CREATE INDEX water_asset_sector ON water_asset (sector, kind);

CREATE TABLE water_work (
    reference text PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('search', 'repair', 'replacement', 'flushing', 'inspection', 'other')),
    state     text NOT NULL CHECK (state IN ('planned', 'running', 'done', 'cancelled')),
    asset     text NOT NULL DEFAULT '',
    meter     text NOT NULL DEFAULT '',
    sector    text NOT NULL DEFAULT '',
    opened    date,
    done      date,
    verdict   text NOT NULL DEFAULT '' CHECK (verdict IN ('', 'leak', 'no_leak')),
    note      text NOT NULL DEFAULT '',
    longitude double precision,
    latitude  double precision,
    commune   text NOT NULL DEFAULT '',
    dataset   text NOT NULL DEFAULT 'water',
    brought   bigint NOT NULL,
    actor     text NOT NULL DEFAULT ''
);
CREATE INDEX water_work_sector ON water_work (sector, state);
