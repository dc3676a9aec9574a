-- What rules watch changes with groups and with what things are: the engine is told.
CREATE TRIGGER device_group_changed AFTER INSERT OR UPDATE OR DELETE ON device_group
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_rules();

CREATE FUNCTION clapas_tell_things() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SELECT CASE WHEN count(*) > 50 THEN '*' ELSE string_agg(id, E'\n') END INTO told
    FROM (
        SELECT n.id FROM fresh n JOIN former o ON o.id = n.id
        WHERE (n.type, n.name, n.commune, n.relations) IS DISTINCT FROM (o.type, o.name, o.commune, o.relations)
        LIMIT 51
    ) AS few;
    IF told IS NOT NULL THEN
        PERFORM pg_notify('clapas_things', CASE WHEN octet_length(told) > 7000 THEN '*' ELSE told END);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER entity_moved AFTER UPDATE ON entity REFERENCING OLD TABLE AS former NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_things();
