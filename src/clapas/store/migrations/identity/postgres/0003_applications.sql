-- A key may belong to an application; its rights are then those of the application's subscriptions.
ALTER TABLE service_key ADD COLUMN application uuid;
CREATE INDEX service_key_application ON service_key (application) WHERE application IS NOT NULL;
