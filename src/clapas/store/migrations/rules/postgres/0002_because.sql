-- Why an alarm was raised; people by their account, not by the name that is shown.
ALTER TABLE alarm ADD COLUMN because jsonb NOT NULL DEFAULT '{}';
CREATE INDEX alarm_active_entity ON alarm (entity) WHERE active AND closed IS NULL;

UPDATE alarm a SET assignee = c.id::text FROM account c
WHERE a.assignee = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = a.assignee) = 1;
UPDATE alarm a SET acknowledged_by = c.id::text FROM account c
WHERE a.acknowledged_by = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = a.acknowledged_by) = 1;
UPDATE alarm_event v SET who = c.id::text FROM account c
WHERE v.who = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = v.who) = 1;
UPDATE rule r SET owner = c.id::text, body = jsonb_set(r.body, '{owner}', to_jsonb(c.id::text)) FROM account c
WHERE r.owner = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = r.owner) = 1;
