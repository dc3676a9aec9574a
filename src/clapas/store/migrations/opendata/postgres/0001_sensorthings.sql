-- SensorThings: stable whole numbers for what has names here, and the platform seen as its entity sets.
CREATE TABLE sta_name (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind "char" NOT NULL,
    name text NOT NULL,
    UNIQUE (kind, name)
);

-- Things, Locations, HistoricalLocations and FeaturesOfInterest: one row for each thing of the city.
CREATE VIEW sta_place AS
SELECT n.id, e.id AS entity, e.type, coalesce(nullif(e.name, ''), e.id) AS name, e.type AS description,
       e.dataset, e.commune, e.longitude, e.latitude, e.geometry, e.changed,
       CASE WHEN e.longitude IS NOT NULL AND e.latitude IS NOT NULL
            THEN point(e.longitude, e.latitude) END AS place
FROM entity e JOIN sta_name n ON n.kind = 'P' AND n.name = e.id;

CREATE VIEW sta_sensor AS
SELECT n.id, n.name AS model, coalesce(nullif(m.label, ''), nullif(n.name, ''), 'Sensor') AS name,
       coalesce(nullif(m.maker, ''), '') AS description
FROM sta_name n LEFT JOIN model m ON m.id = n.name WHERE n.kind = 'S';

CREATE VIEW sta_property AS
SELECT n.id, split_part(n.name, chr(31), 1) AS name, split_part(n.name, chr(31), 2) AS quantity,
       split_part(n.name, chr(31), 2) AS description
FROM sta_name n WHERE n.kind = 'O';

CREATE VIEW sta_model AS
SELECT DISTINCT ON (b.entity, b.attribute) b.entity, b.attribute, d.model
FROM binding b JOIN device d ON d.id = b.device
ORDER BY b.entity, b.attribute, (b.valid_to IS NULL) DESC, b.id DESC;

-- Datastreams: the numeric series of things.
CREATE VIEW sta_stream AS
SELECT s.id, p.id AS thing, x.id AS sensor, o.id AS property, s.entity, s.attribute, s.quantity,
       p.name || ' : ' || s.attribute || CASE WHEN s.dataset_id = '' THEN '' ELSE ' ' || s.dataset_id END AS name,
       p.type || ' ' || s.attribute AS description,
       coalesce(nullif(s.dataset, ''), p.dataset) AS dataset, p.commune,
       to_timestamp(t.measured / 1000.0) AS measured, to_timestamp(t.received / 1000.0) AS received,
       t.value, t.measured AS measured_ms, t.received AS received_ms, t.quality
FROM series s
JOIN sta_place p ON p.entity = s.entity
JOIN state t ON t.series = s.id AND jsonb_typeof(t.value) IN ('number', 'boolean')
LEFT JOIN sta_model m ON m.entity = s.entity AND m.attribute = s.attribute
JOIN sta_name x ON x.kind = 'S' AND x.name = coalesce(m.model, '')
JOIN sta_name o ON o.kind = 'O' AND o.name = s.attribute || chr(31) || s.quantity
WHERE s.tenant = '';
