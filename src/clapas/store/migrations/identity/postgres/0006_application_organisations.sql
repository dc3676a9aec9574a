-- An application belongs to an organisation that is known; names that nobody described become partners.
INSERT INTO organisation (id, name, kind)
SELECT DISTINCT organisation, organisation, 'partner' FROM application WHERE organisation <> ''
ON CONFLICT (id) DO NOTHING;

ALTER TABLE application ADD COLUMN member_of text GENERATED ALWAYS AS (nullif(organisation, '')) STORED
    CONSTRAINT application_organisation REFERENCES organisation;
CREATE INDEX application_member_of ON application (member_of) WHERE member_of IS NOT NULL;
