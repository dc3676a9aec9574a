-- A dataset's record may name a saved group: what is in the group is in the dataset, as long as it is. `dataset`
-- stays what every exit reads; `own_dataset` is where something goes back to when it leaves.
CREATE FUNCTION clapas_device_image(d device) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT md5(ROW(d.id, d.key, d.source, d.model, d.name, d.lifecycle, d.longitude, d.latitude, d.commune, d.owner,
                   d.tags, d.simulated, d.search, d.created)::text)
$$;
UPDATE device_import_image AS i SET after = clapas_device_image(d)
FROM device d WHERE d.key = i.key AND i.after = md5(d::text);

ALTER TABLE device ADD COLUMN group_dataset text, ADD COLUMN own_dataset text;
ALTER TABLE entity ADD COLUMN group_dataset text, ADD COLUMN own_dataset text;

-- Whoever writes `dataset` while a group holds a row says where it goes back to, no more.
CREATE FUNCTION clapas_hold_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own text := CASE WHEN OLD.group_dataset IS NULL OR NEW.dataset <> OLD.dataset
                     THEN NEW.dataset ELSE OLD.own_dataset END;
BEGIN
    NEW.own_dataset := CASE WHEN NEW.group_dataset IS NULL THEN NULL ELSE own END;
    NEW.dataset := coalesce(NEW.group_dataset, own);
    RETURN NEW;
END
$$;
CREATE TRIGGER device_held BEFORE UPDATE OF dataset, group_dataset ON device FOR EACH ROW
    WHEN (OLD.group_dataset IS NOT NULL OR NEW.group_dataset IS NOT NULL) EXECUTE FUNCTION clapas_hold_dataset();
-- Triggers run by their names: what is held is known before the pair is looked up.
CREATE TRIGGER entity_held BEFORE UPDATE OF dataset, group_dataset ON entity FOR EACH ROW
    WHEN (OLD.group_dataset IS NOT NULL OR NEW.group_dataset IS NOT NULL) EXECUTE FUNCTION clapas_hold_dataset();
DROP TRIGGER entity_paired ON entity;
CREATE TRIGGER entity_paired BEFORE INSERT OR UPDATE OF dataset, group_dataset, commune, pair ON entity
    FOR EACH ROW EXECUTE FUNCTION clapas_pair_entity();

-- A device that measures for itself is an entity: its dataset follows the device's, as its place does.
CREATE OR REPLACE FUNCTION clapas_place_device_entities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE entity e
    SET name = n.name, search = n.search, longitude = n.longitude, latitude = n.latitude, commune = n.commune,
        group_dataset = n.group_dataset,
        dataset = CASE WHEN coalesce(n.own_dataset, n.dataset) <> coalesce(o.own_dataset, o.dataset)
                       THEN coalesce(n.own_dataset, n.dataset) ELSE e.dataset END,
        changed = now()
    FROM fresh n JOIN former o ON o.id = n.id
    WHERE e.id = 'urn:ngsi-ld:Device:' || n.key
      AND ((e.name, e.longitude, e.latitude, e.commune, e.group_dataset)
           IS DISTINCT FROM (n.name, n.longitude, n.latitude, n.commune, n.group_dataset)
           OR coalesce(n.own_dataset, n.dataset) <> coalesce(o.own_dataset, o.dataset));
    RETURN NULL;
END
$$;
DROP TRIGGER device_entity_placed ON device;
CREATE TRIGGER device_entity_placed AFTER UPDATE ON device REFERENCING OLD TABLE AS former NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_place_device_entities();

-- The mirror of places in ClickHouse is told of every change, whoever made it.
CREATE TABLE place_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL
);
CREATE FUNCTION clapas_place_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO place_due (entity)
    SELECT n.id FROM fresh n JOIN former o ON o.id = n.id
    WHERE (n.dataset, n.commune) IS DISTINCT FROM (o.dataset, o.commune);
    RETURN NULL;
END
$$;
CREATE TRIGGER entity_place_due AFTER UPDATE ON entity REFERENCING OLD TABLE AS former NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_place_due();

-- Something changed that may move things in or out of a group that a record names.
CREATE TABLE dataset_due (at timestamptz NOT NULL);
CREATE FUNCTION clapas_datasets_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dataset_due (at) SELECT now()
    WHERE EXISTS (SELECT FROM dataset_record WHERE record ->> 'group' <> '');
    RETURN NULL;
END
$$;
CREATE FUNCTION clapas_bound_entities_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dataset_due (at) SELECT now()
    WHERE EXISTS (SELECT FROM dataset_record WHERE record ->> 'group' <> '')
      AND EXISTS (SELECT FROM fresh JOIN binding ON binding.entity = fresh.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER device_datasets_made AFTER INSERT ON device
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER device_datasets_due AFTER UPDATE OF key, source, model, lifecycle, commune, tags, search ON device
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER device_file_datasets_due AFTER INSERT OR UPDATE ON device_file
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER device_group_datasets_due AFTER INSERT OR UPDATE OR DELETE ON device_group
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER binding_datasets_due AFTER INSERT OR UPDATE OR DELETE ON binding
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER dataset_record_datasets_due AFTER INSERT ON dataset_record
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_datasets_due();
CREATE TRIGGER entity_datasets_due AFTER INSERT ON entity REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_bound_entities_due();
