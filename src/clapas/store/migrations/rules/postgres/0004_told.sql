-- What became of alarms, for those who tell it elsewhere: written with the change, taken once.
CREATE TABLE alarm_told (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm bigint NOT NULL
);

CREATE FUNCTION clapas_tell_alarms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alarm_told (alarm) SELECT id FROM fresh;
    PERFORM pg_notify('clapas_alarms', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER alarm_raised AFTER INSERT ON alarm REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_alarms();
CREATE TRIGGER alarm_changed AFTER UPDATE ON alarm REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_alarms();

INSERT INTO alarm_told (alarm) SELECT id FROM alarm WHERE closed IS NULL ORDER BY id;
