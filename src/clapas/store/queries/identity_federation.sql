-- name: find
-- The account of somebody known elsewhere; the visit is noted.
UPDATE external_identity SET seen = now() WHERE provider = %(provider)s AND subject = %(subject)s
RETURNING account

-- name: link
-- Somebody known elsewhere is this account.
INSERT INTO external_identity (provider, subject, account)
VALUES (%(provider)s, %(subject)s, %(account)s) ON CONFLICT DO NOTHING

-- name: set_origin
-- Where a session comes from.
INSERT INTO session_origin (session, provider, subject, sid, hint)
VALUES (%(session)s, %(provider)s, %(subject)s, %(sid)s, %(hint)s)

-- name: origin
-- Where a session comes from.
SELECT provider, subject, sid, hint FROM session_origin WHERE session = %(session)s

-- name: end_sessions
-- Close the sessions of somebody known elsewhere, of one sign-in there when it is named.
DELETE FROM session WHERE id IN (
    SELECT session FROM session_origin
    WHERE provider = %(provider)s AND (%(subject)s = '' OR subject = %(subject)s)
      AND (%(sid)s = '' OR sid = %(sid)s) AND (%(subject)s <> '' OR %(sid)s <> ''))

-- name: take_once
-- Note an assertion; no row when it was taken before.
INSERT INTO assertion_seen (digest, expires) VALUES (%(digest)s, %(expires)s)
ON CONFLICT DO NOTHING RETURNING 1

-- name: forget_assertions
-- Assertions that would be refused for their age anyway.
DELETE FROM assertion_seen WHERE expires < %(now)s

-- name: passkeys
-- The passkeys of an account.
SELECT id, account, public_key, counter, name, created, used FROM passkey
WHERE account = %(account)s ORDER BY created

-- name: passkey
-- One passkey.
SELECT id, account, public_key, counter, name, created, used FROM passkey WHERE id = %(id)s

-- name: add_passkey
-- Keep a passkey, unless it is there.
INSERT INTO passkey (id, account, public_key, counter, name)
VALUES (%(id)s, %(account)s, %(public_key)s, %(counter)s, %(name)s) ON CONFLICT DO NOTHING

-- name: use_passkey
-- The passkey was used; a counter that does not grow shows a copy.
UPDATE passkey SET counter = %(counter)s, used = now()
WHERE id = %(id)s AND (counter < %(counter)s OR (counter = 0 AND %(counter)s = 0))

-- name: remove_passkey
-- A passkey of an account works no more.
DELETE FROM passkey WHERE id = %(id)s AND account = %(account)s

-- name: organisations
-- Every organisation.
SELECT id, name, kind, parent, code, ended FROM organisation ORDER BY id

-- name: put_organisation
-- Keep an organisation.
INSERT INTO organisation (id, name, kind, parent, code, ended)
VALUES (%(id)s, %(name)s, %(kind)s, %(parent)s, %(code)s, %(ended)s)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, parent = excluded.parent,
    code = excluded.code, ended = excluded.ended

-- name: known_organisation
-- Is this one described?
SELECT 1 FROM organisation WHERE id = %(id)s

-- name: meet_organisation
-- An organisation that the configuration names, as long as nobody described it.
INSERT INTO organisation (id, name, kind) VALUES (%(id)s, %(id)s, 'partner') ON CONFLICT (id) DO NOTHING

-- name: recovery_address
-- Where a one-time link goes when the password is forgotten.
SELECT address FROM recovery_address WHERE account = %(account)s

-- name: set_recovery_address
-- Keep it.
INSERT INTO recovery_address (account, address) VALUES (%(account)s, %(address)s)
ON CONFLICT (account) DO UPDATE SET address = excluded.address

-- name: forget_recovery_address
-- None any more.
DELETE FROM recovery_address WHERE account = %(account)s
