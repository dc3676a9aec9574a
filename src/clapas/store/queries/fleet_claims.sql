-- name: add
-- A code by which devices let themselves in.
INSERT INTO device_claim (proof, label, device, model, source, lifecycle, tags, uses, expires, actor)
VALUES (%(proof)s, %(label)s, %(device)s, %(model)s, %(source)s, %(lifecycle)s, %(tags)s::jsonb, %(uses)s,
        %(expires)s, %(actor)s)
RETURNING id

-- name: list
-- Codes with how often each was used, the newest first.
SELECT c.id, c.label, c.device, c.model, c.source, c.lifecycle, c.tags, c.uses, c.expires, c.revoked,
       c.actor, c.created, (SELECT count(*) FROM device_claimed u WHERE u.claim = c.id),
       coalesce(m.label, '')
FROM device_claim c LEFT JOIN model m ON m.id = c.model WHERE c.id < %(before)s ORDER BY c.id DESC LIMIT %(limit)s

-- name: lock
-- The live code of a proof, held until the end of the transaction, and whether this device used it before.
SELECT c.id, c.device, c.model, c.source, c.lifecycle, c.tags, c.uses, c.expires > now(),
       EXISTS (SELECT FROM device_claimed u WHERE u.claim = c.id AND u.device = %(key)s),
       (SELECT count(*) FROM device_claimed u WHERE u.claim = c.id)
FROM device_claim c WHERE c.proof = %(proof)s AND c.revoked IS NULL FOR UPDATE

-- name: use
-- A device used a code.
INSERT INTO device_claimed (claim, device) VALUES (%(claim)s, %(key)s)

-- name: known
-- Does this device exist already? Its step of life.
SELECT lifecycle FROM device WHERE key = %(key)s

-- name: create
-- A new device as its code says.
INSERT INTO device (id, key, source, model, lifecycle, tags, search)
VALUES (gen_random_uuid(), %(key)s, %(source)s, %(model)s, %(lifecycle)s, %(tags)s::jsonb, %(search)s)
ON CONFLICT (key) DO NOTHING

-- name: revoke
-- A code serves no more, not even those that used it.
UPDATE device_claim SET revoked = now() WHERE id = %(id)s AND revoked IS NULL
