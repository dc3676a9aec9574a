-- Radio: the key of the application packages (TS004, TS005), and notices of changed keys and JoinEUIs.
ALTER TABLE device_key DROP CONSTRAINT device_key_kind_check;
ALTER TABLE device_key ADD CONSTRAINT device_key_kind_check CHECK (kind IN ('app_key', 'nwk_key', 'gen_app_key'));

CREATE TRIGGER device_key_inserted AFTER INSERT ON device_key REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER device_key_updated AFTER UPDATE ON device_key REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER device_key_deleted AFTER DELETE ON device_key REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER device_file_inserted AFTER INSERT ON device_file REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
CREATE TRIGGER device_file_updated AFTER UPDATE ON device_file REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_bindings();
