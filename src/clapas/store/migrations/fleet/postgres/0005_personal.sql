-- A session that is typed in (ABP), sealed as the root keys are.
ALTER TABLE device_key DROP CONSTRAINT device_key_kind_check;
ALTER TABLE device_key ADD CONSTRAINT device_key_kind_check
    CHECK (kind IN ('app_key', 'nwk_key', 'gen_app_key', 'session'));
