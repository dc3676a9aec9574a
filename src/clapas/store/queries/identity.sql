-- name: account_by_login
-- The account of a login, whatever its case.
SELECT id, login, name, password, must_set, roles, organisation, service, communes, purposes, language, enabled, created
FROM account WHERE lower(login) = lower(%(login)s);

-- name: account_by_id
-- One account.
SELECT id, login, name, password, must_set, roles, organisation, service, communes, purposes, language, enabled, created
FROM account WHERE id = %(id)s;

-- name: accounts
-- Accounts by login, after a cursor.
SELECT id, login, name, password, must_set, roles, organisation, service, communes, purposes, language, enabled, created
FROM account WHERE lower(login) > %(after)s ORDER BY lower(login) LIMIT %(limit)s;

-- name: count_accounts
-- How many accounts may sign in.
SELECT count(*) FROM account WHERE enabled;

-- name: add_account
-- Create an account, unless its login exists.
INSERT INTO account (login, name, roles, organisation, service, communes, purposes, language, must_set)
VALUES (%(login)s, %(name)s, %(roles)s, %(organisation)s, %(service)s, %(communes)s, %(purposes)s, %(language)s, %(must_set)s)
ON CONFLICT (lower(login)) DO NOTHING
RETURNING id;

-- name: set_password
-- Keep a password's hash.
UPDATE account SET password = %(password)s, must_set = false WHERE id = %(id)s;

-- name: must_set_password
-- The account must choose a password at its next visit.
UPDATE account SET must_set = true WHERE id = %(id)s;

-- name: disable_account
-- The account may sign in no more.
UPDATE account SET enabled = false WHERE id = %(id)s;

-- name: add_session
-- Open a session.
INSERT INTO session (proof, account, created, seen, expires, address, agent, mfa)
VALUES (%(proof)s, %(account)s, %(now)s, %(now)s, %(expires)s, %(address)s, %(agent)s, %(mfa)s)
RETURNING id;

-- name: session
-- The live session of a proof, with its account.
SELECT s.id AS session, s.seen, s.expires, s.created AS opened, s.mfa,
       a.id, a.login, a.name, a.password, a.must_set,
       a.roles || ARRAY(SELECT b.role FROM break_glass b WHERE b.account = a.id
                        AND b.approver IS NOT NULL AND b.until > %(now)s AND b.ended IS NULL), a.organisation, a.service, a.communes, a.purposes, a.language, a.enabled, a.created
FROM session s JOIN account a ON a.id = s.account
WHERE s.proof = %(proof)s AND s.expires > %(now)s AND s.seen > %(idle)s AND a.enabled;

-- name: see_session
-- The session was used.
UPDATE session SET seen = %(now)s WHERE id = %(id)s AND seen < %(now)s;

-- name: sessions_of
-- The live sessions of an account, newest first.
SELECT id, created, seen, expires, address, agent FROM session
WHERE account = %(account)s AND expires > %(now)s AND seen > %(idle)s ORDER BY created DESC LIMIT 200;

-- name: end_session
-- Close a session by its proof.
DELETE FROM session WHERE proof = %(proof)s;

-- name: revoke_session
-- Close one session of an account.
DELETE FROM session WHERE id = %(id)s AND account = %(account)s;

-- name: revoke_sessions
-- Close every session of an account but one.
DELETE FROM session WHERE account = %(account)s AND id <> %(but)s;

-- name: purge_sessions
-- Forget sessions and links that are over, and failures that are old.
WITH gone AS (DELETE FROM session WHERE expires <= %(now)s OR seen <= %(idle)s),
     links AS (DELETE FROM one_time WHERE expires <= %(now)s)
DELETE FROM sign_in_failure WHERE last <= %(old)s;

-- name: add_one_time
-- Keep a one-time link; earlier ones of the account end.
WITH earlier AS (DELETE FROM one_time WHERE account = %(account)s)
INSERT INTO one_time (proof, account, expires) VALUES (%(proof)s, %(account)s, %(expires)s);

-- name: see_one_time
-- The account of a one-time link that still works.
SELECT account FROM one_time WHERE proof = %(proof)s AND expires > %(now)s;

-- name: use_one_time
-- Spend a one-time link: it works once.
DELETE FROM one_time WHERE proof = %(proof)s AND expires > %(now)s RETURNING account;

-- name: locked_until
-- The latest end of a lock-out among subjects.
SELECT max(until) FROM sign_in_failure WHERE subject = ANY(%(subjects)s);

-- name: add_failure
-- One more failure of a subject; the lock-out doubles beyond the threshold. An hour of calm forgets.
INSERT INTO sign_in_failure AS f (subject, failures, last, until)
VALUES (%(subject)s, 1, %(now)s, %(now)s)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN f.last < %(now)s - interval '1 hour' THEN 1 ELSE f.failures + 1 END,
    last = %(now)s,
    until = CASE
        WHEN f.last < %(now)s - interval '1 hour' OR f.failures + 1 < %(threshold)s THEN %(now)s
        ELSE %(now)s + least(%(step)s * power(2, least(f.failures + 1 - %(threshold)s, 20)), %(longest)s) * interval '1 second'
    END;

-- name: forget_failures
-- A success forgets the failures of its subjects.
DELETE FROM sign_in_failure WHERE subject = ANY(%(subjects)s);

-- name: add_key
-- Keep a service key.
INSERT INTO service_key (id, proof, name, owner, scopes, communes, expires, replaces)
VALUES (%(id)s, %(proof)s, %(name)s, %(owner)s, %(scopes)s, %(communes)s, %(expires)s, %(replaces)s);

-- name: key
-- The live key of an id; its owner may still sign in. A key of an application has the rights of the
-- application's approved subscriptions, on the application's territory.
SELECT k.id, k.proof, k.name, k.owner,
       k.scopes || ARRAY(
           SELECT action || '@' || s.dataset
           FROM subscription s CROSS JOIN unnest(ARRAY['read', 'export', 'subscribe']) AS action
           WHERE s.application = k.application AND s.state = 'approved'
             AND (s.expires IS NULL OR s.expires > %(now)s)),
       coalesce(p.communes, k.communes), k.created, k.expires, k.last_used, k.replaces, k.revoked,
       k.application, coalesce(p.plan, ''), coalesce(p.networks, '{}'),
       coalesce(p.attributes, '{}'), coalesce(p.decimals, -1), coalesce(p.delay, 0)
FROM service_key k JOIN account a ON a.id = k.owner LEFT JOIN application p ON p.id = k.application
WHERE k.id = %(id)s AND k.revoked IS NULL AND k.expires > %(now)s AND a.enabled
  AND (k.application IS NULL OR p.state = 'active');

-- name: keys
-- Keys that are not revoked, by id, after a cursor.
SELECT id, proof, name, owner, scopes, communes, created, expires, last_used, replaces, revoked,
       application, '', '{}'::text[], '{}'::text[], -1, 0
FROM service_key WHERE id > %(after)s AND revoked IS NULL ORDER BY id LIMIT %(limit)s;

-- name: live_keys
-- Keys that work now with the rights that they have (as "key" gives one), by id, after a cursor.
SELECT k.id, k.proof, k.name, k.owner,
       k.scopes || ARRAY(
           SELECT action || '@' || s.dataset
           FROM subscription s CROSS JOIN unnest(ARRAY['read', 'export', 'subscribe']) AS action
           WHERE s.application = k.application AND s.state = 'approved'
             AND (s.expires IS NULL OR s.expires > %(now)s)),
       coalesce(p.communes, k.communes), k.created, k.expires, k.last_used, k.replaces, k.revoked,
       k.application, coalesce(p.plan, ''), coalesce(p.networks, '{}'),
       coalesce(p.attributes, '{}'), coalesce(p.decimals, -1), coalesce(p.delay, 0)
FROM service_key k JOIN account a ON a.id = k.owner LEFT JOIN application p ON p.id = k.application
WHERE k.id > %(after)s AND k.revoked IS NULL AND k.expires > %(now)s AND a.enabled
  AND (k.application IS NULL OR p.state = 'active')
ORDER BY k.id LIMIT %(limit)s;

-- name: use_key
-- The key was used today.
UPDATE service_key SET last_used = %(today)s WHERE id = %(id)s AND last_used IS DISTINCT FROM %(today)s;

-- name: shorten_key
-- A key that is replaced ends soon.
UPDATE service_key SET expires = least(expires, %(expires)s) WHERE id = %(id)s AND revoked IS NULL;

-- name: end_rotated
-- Of a rotation two keys live: the one before the old and an earlier successor of it end.
UPDATE service_key SET expires = least(expires, %(now)s)
WHERE revoked IS NULL AND id <> %(new)s
  AND (replaces = %(old)s OR id = (SELECT replaces FROM service_key WHERE id = %(old)s));

-- name: revoke_key
-- A key works no more.
UPDATE service_key SET revoked = %(now)s WHERE id = %(id)s AND revoked IS NULL RETURNING id;

-- name: add_credential
-- Keep a device's token; the two newest stay alive.
WITH older AS (
    DELETE FROM device_credential WHERE proof IN (
        SELECT proof FROM device_credential WHERE device = %(device)s ORDER BY created DESC OFFSET 1
    )
)
INSERT INTO device_credential (proof, device, expires) VALUES (%(proof)s, %(device)s, %(expires)s);

-- name: credential
-- The device of a live token.
SELECT device FROM device_credential
WHERE proof = %(proof)s AND (expires IS NULL OR expires > %(now)s);

-- name: revoke_credentials
-- A device's tokens work no more.
DELETE FROM device_credential WHERE device = %(device)s;

-- name: change_account
-- What an administrator says of an account.
UPDATE account SET name = %(name)s, roles = %(roles)s, organisation = %(organisation)s,
    service = %(service)s, communes = %(communes)s, purposes = %(purposes)s,
    language = %(language)s, enabled = %(enabled)s
WHERE id = %(id)s;

-- name: factor
-- The second factor of an account.
SELECT account, secret, confirmed, last_step, recovery FROM factor WHERE account = %(account)s;

-- name: set_factor
-- A new second factor, not confirmed yet; one that is confirmed stays.
INSERT INTO factor AS f (account, secret) VALUES (%(account)s, %(secret)s)
ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, last_step = 0
WHERE NOT f.confirmed;

-- name: confirm_factor
-- The factor works from now on, with these recovery codes.
UPDATE factor SET confirmed = true, recovery = %(recovery)s WHERE account = %(account)s;

-- name: use_step
-- A code is used once: false when it, or a later one, was used already.
UPDATE factor SET last_step = %(step)s WHERE account = %(account)s AND last_step < %(step)s;

-- name: use_recovery
-- A recovery code is used once.
UPDATE factor SET recovery = array_remove(recovery, %(proof)s)
WHERE account = %(account)s AND %(proof)s = ANY(recovery);

-- name: remove_factor
-- The account has no second factor any more.
DELETE FROM factor WHERE account = %(account)s;

-- name: trust_session
-- The second factor was given in this session.
UPDATE session SET mfa = true WHERE id = %(id)s;

-- name: ask_glass
-- Somebody asks for a role for a short time.
INSERT INTO break_glass (account, role, reason, asked, seconds)
VALUES (%(account)s, %(role)s, %(reason)s, %(now)s, %(seconds)s) RETURNING id;

-- name: approve_glass
-- Somebody else grants it; within an hour of the asking.
UPDATE break_glass SET approver = %(approver)s,
    until = %(now)s::timestamptz + seconds * interval '1 second'
WHERE id = %(id)s AND approver IS NULL AND ended IS NULL AND account <> %(approver)s
  AND asked > %(now)s::timestamptz - interval '1 hour'
RETURNING account;

-- name: end_glass
-- It ends before its time.
UPDATE break_glass SET ended = %(now)s WHERE id = %(id)s AND ended IS NULL;

-- name: glasses
-- What was asked and granted, newest first.
SELECT id, account, role, reason, asked, seconds, approver, until, ended FROM break_glass
ORDER BY asked DESC LIMIT 200;

-- name: own_key
-- The key belongs to an application from now on.
UPDATE service_key SET application = %(application)s WHERE id = %(id)s;

-- name: count_factors
-- Enabled accounts with a confirmed factor or a passkey.
SELECT count(*) FROM account a WHERE a.enabled AND (
    EXISTS (SELECT FROM factor f WHERE f.account = a.id AND f.confirmed)
    OR EXISTS (SELECT FROM passkey p WHERE p.account = a.id));
