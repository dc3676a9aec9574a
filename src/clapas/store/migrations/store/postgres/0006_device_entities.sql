-- A device that measures for itself is an entity: it stands on the map where the device stands.
INSERT INTO entity (id, type, name, longitude, latitude, commune, dataset, simulated, search, headline)
SELECT DISTINCT ON (s.entity) s.entity, 'Device', d.name, d.longitude, d.latitude, d.commune, d.dataset, d.simulated,
       d.search, s.id
FROM series s JOIN device d ON d.key = substr(s.entity, 20)
WHERE s.entity LIKE 'urn:ngsi-ld:Device:%'
ORDER BY s.entity, s.rank, s.id
ON CONFLICT (id) DO NOTHING;

CREATE FUNCTION clapas_place_device_entities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE entity e
    SET name = n.name, search = n.search, longitude = n.longitude, latitude = n.latitude, commune = n.commune,
        changed = now()
    FROM fresh n
    WHERE e.id = 'urn:ngsi-ld:Device:' || n.key
      AND (e.name, e.longitude, e.latitude, e.commune) IS DISTINCT FROM (n.name, n.longitude, n.latitude, n.commune);
    RETURN NULL;
END
$$;

CREATE TRIGGER device_entity_placed AFTER UPDATE ON device REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_place_device_entities();
