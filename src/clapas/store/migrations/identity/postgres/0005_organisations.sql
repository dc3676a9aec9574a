-- An account belongs to an organisation that is known; names that nobody described become partners.
INSERT INTO organisation (id, name, kind)
SELECT DISTINCT organisation, organisation, 'partner' FROM account WHERE organisation <> ''
ON CONFLICT (id) DO NOTHING;

ALTER TABLE account ADD COLUMN member_of text GENERATED ALWAYS AS (nullif(organisation, '')) STORED
    CONSTRAINT account_organisation REFERENCES organisation;
CREATE INDEX account_member_of ON account (member_of) WHERE member_of IS NOT NULL;
