-- A burst-sized flow of which nobody was sure, and that stopped by itself: over, and judged by nobody.
ALTER TABLE water_case DROP CONSTRAINT water_case_state_check;
ALTER TABLE water_case ADD CONSTRAINT water_case_state_check
    CHECK (state IN ('open', 'asked', 'confirmed', 'false', 'closed', 'passed'));
-- Of a burst the subscriber is asked at once.
ALTER TABLE water_vault.message DROP CONSTRAINT message_kind_check;
ALTER TABLE water_vault.message ADD CONSTRAINT message_kind_check
    CHECK (kind IN ('first', 'sudden', 'reminder', 'holiday'));
