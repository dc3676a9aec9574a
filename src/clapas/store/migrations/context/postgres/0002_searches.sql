-- Searches by type in the order of ids, evolution read by attribute, instances named by their number.
-- kind: the only type of an entity; '' when it has several, which is rare.
ALTER TABLE ngsild_entity ADD COLUMN kind text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN jsonb_array_length(doc -> '@type') = 1 THEN doc -> '@type' ->> 0 ELSE '' END) STORED;
CREATE INDEX ngsild_entity_kind ON ngsild_entity (tenant, kind, id);

ALTER TABLE ngsild_instance ALTER COLUMN instance SET DEFAULT '';
ALTER TABLE ngsild_instance ADD COLUMN written xid8 NOT NULL DEFAULT pg_current_xact_id();
DROP INDEX ngsild_instance_of;
CREATE INDEX ngsild_instance_at ON ngsild_instance (tenant, entity, attribute, dataset, observed) INCLUDE (number);
CREATE INDEX ngsild_instance_other ON ngsild_instance (tenant, entity, attribute, dataset, observed)
    WHERE number IS NULL;

DROP VIEW ngsild_present;
DROP VIEW ngsild_platform;

CREATE VIEW ngsild_platform AS
SELECT e.id, e.type, e.dataset, e.commune,
    jsonb_build_object('@id', e.id, '@type', jsonb_build_array(ngsild_iri(e.type)),
                       '@created', ngsild_time(e.created), '@modified', ngsild_time(e.changed))
    || CASE WHEN e.name = '' THEN '{}'::jsonb ELSE jsonb_build_object(
        'https://uri.etsi.org/ngsi-ld/default-context/name', jsonb_build_array(jsonb_build_object(
            'type', 'Property', 'value', e.name, 'series', 0,
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed)))) END
    || CASE WHEN e.geometry IS NULL AND e.longitude IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
        'https://uri.etsi.org/ngsi-ld/location', jsonb_build_array(jsonb_build_object(
            'type', 'GeoProperty', 'series', 0,
            'value', coalesce(nullif(e.geometry, 'null'::jsonb), jsonb_build_object(
                'type', 'Point', 'coordinates', jsonb_build_array(e.longitude, e.latitude))),
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed)))) END
    || coalesce((
        SELECT jsonb_object_agg(ngsild_iri(r.key), jsonb_build_array(jsonb_build_object(
            'type', 'Relationship', 'object', r.value, 'series', 0,
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed))))
        FROM jsonb_each_text(e.relations) r), '{}'::jsonb)
    || coalesce((
        SELECT jsonb_object_agg(ngsild_iri(a.attribute), a.instances)
        FROM (
            SELECT t.attribute, jsonb_agg(
                jsonb_build_object('type', CASE WHEN jsonb_typeof(t.value) = 'object' AND t.value ? 'coordinates'
                                               THEN 'GeoProperty' ELSE 'Property' END,
                    'value', t.value, 'series', t.series,
                    'observedAt', ngsild_measured(t.measured),
                    'createdAt', ngsild_time(s.created), 'modifiedAt', ngsild_measured(t.received))
                || CASE WHEN u.code IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('unitCode', u.code) END
                || CASE WHEN s.dataset_id = '' THEN '{}'::jsonb ELSE jsonb_build_object('datasetId', s.dataset_id) END
                || CASE WHEN d.key IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
                    'https://uri.etsi.org/ngsi-ld/default-context/observedBy', jsonb_build_array(jsonb_build_object(
                        'type', 'Relationship', 'object', 'urn:ngsi-ld:Device:' || d.key,
                        'createdAt', ngsild_time(s.created), 'modifiedAt', ngsild_time(s.created)))) END
                ORDER BY s.dataset_id) AS instances
            FROM state t
            JOIN series s ON s.id = t.series AND s.tenant = ''
            LEFT JOIN ngsild_unit u ON u.quantity = s.quantity
            LEFT JOIN LATERAL (
                SELECT device.key FROM binding JOIN device ON device.id = binding.device
                WHERE binding.entity = t.entity AND binding.attribute = t.attribute
                  AND binding.valid_to IS NULL LIMIT 1) d ON true
            WHERE t.entity = e.id AND t.value IS NOT NULL
            GROUP BY t.attribute) a), '{}'::jsonb) AS doc
FROM entity e;


CREATE VIEW ngsild_present AS
SELECT n.tenant, n.id, n.dataset, n.commune, n.doc, n.expires FROM ngsild_entity n
WHERE n.tenant <> '' OR NOT EXISTS (SELECT FROM entity e WHERE e.id = n.id)
UNION ALL
SELECT '', p.id, p.dataset, p.commune,
       coalesce(n.doc, '{}'::jsonb) || p.doc, n.expires
FROM ngsild_platform p LEFT JOIN ngsild_entity n ON n.tenant = '' AND n.id = p.id;
