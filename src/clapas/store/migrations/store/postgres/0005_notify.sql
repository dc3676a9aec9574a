-- Every change of the registry is told to the caches: few keys by name, many as '*'.
CREATE FUNCTION clapas_tell_devices() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SELECT CASE WHEN count(*) > 50 THEN '*' ELSE string_agg(key, E'\n') END INTO told
    FROM (SELECT key FROM changed LIMIT 51) AS few;
    IF told IS NOT NULL THEN
        PERFORM pg_notify('clapas_registry', CASE WHEN octet_length(told) > 7000 THEN '*' ELSE told END);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION clapas_tell_bindings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SELECT CASE WHEN count(*) > 50 THEN '*' ELSE string_agg(key, E'\n') END INTO told
    FROM (SELECT DISTINCT device.key FROM changed JOIN device ON device.id = changed.device LIMIT 51) AS few;
    IF told IS NOT NULL THEN
        PERFORM pg_notify('clapas_registry', CASE WHEN octet_length(told) > 7000 THEN '*' ELSE told END);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION clapas_tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('clapas_registry', '*');
    RETURN NULL;
END
$$;

CREATE TRIGGER device_inserted AFTER INSERT ON device REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_devices();
CREATE TRIGGER device_updated AFTER UPDATE ON device REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_devices();
CREATE TRIGGER device_deleted AFTER DELETE ON device REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_devices();
CREATE TRIGGER binding_inserted AFTER INSERT ON binding REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER binding_deleted AFTER DELETE ON binding REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER binding_updated AFTER UPDATE ON binding REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER model_changed AFTER INSERT OR UPDATE OR DELETE ON model
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_all();
CREATE TRIGGER script_changed AFTER INSERT OR UPDATE OR DELETE ON codec_script
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_all();
