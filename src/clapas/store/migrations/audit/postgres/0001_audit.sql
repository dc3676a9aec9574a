-- The audit trail: events in order, each with the hash of the one before it. Nothing is ever changed.
CREATE TABLE audit_event (
    seq    bigint PRIMARY KEY,
    t      timestamptz NOT NULL,
    who    text NOT NULL,
    what   text NOT NULL,
    event  text NOT NULL,
    hash   bytea NOT NULL
);
CREATE INDEX audit_event_who ON audit_event (who, seq);
CREATE INDEX audit_event_time ON audit_event (t);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_event_kept BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_event_not_emptied BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
