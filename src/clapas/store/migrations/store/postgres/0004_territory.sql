-- The territory and its communes.
CREATE TABLE territory (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    name text NOT NULL,
    siren text NOT NULL DEFAULT '',
    timezone text NOT NULL DEFAULT 'Europe/Paris'
);

CREATE TABLE commune (
    code text PRIMARY KEY,
    name text NOT NULL,
    population integer,
    contour jsonb,
    longitude double precision,
    latitude double precision,
    townhall jsonb
);
