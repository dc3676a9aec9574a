-- name: vectors
-- The saved examples of a model.
SELECT id, label, f_port, payload, expected FROM codec_vector WHERE model = %(model)s ORDER BY id LIMIT 500

-- name: add_vector
-- A saved example.
INSERT INTO codec_vector (model, label, f_port, payload, expected)
VALUES (%(model)s, %(label)s, %(f_port)s, %(payload)s, %(expected)s::jsonb) RETURNING id

-- name: remove_vector
-- Forget a saved example.
DELETE FROM codec_vector WHERE id = %(id)s AND model = %(model)s

-- name: some_devices
-- Devices of a model for a trial, those that spoke last.
SELECT d.key FROM device d LEFT JOIN device_seen s ON s.device = d.id
WHERE d.model = %(model)s ORDER BY s.received DESC NULLS LAST, d.key LIMIT %(limit)s

-- name: copy_model
-- The model under its trial name, with the new version of its codec.
INSERT INTO model (id, label, maker, codec_kind, codec_name, codec_mode, codec_version, interval_s,
                   quantities, units, settings)
SELECT %(trial)s, label, maker, 'javascript', %(name)s, %(mode)s, %(version)s, interval_s,
       quantities, units, settings || jsonb_build_object('trial_of', id)
FROM model WHERE id = %(model)s

-- name: set_codec
-- The codec of a model.
UPDATE model SET codec_kind = %(kind)s, codec_name = %(name)s, codec_mode = %(mode)s,
                 codec_version = %(version)s
WHERE id = %(model)s

-- name: move_devices
-- From one model to another.
UPDATE device SET model = %(to)s WHERE model = %(from)s AND (%(all)s OR key = ANY(%(keys)s))

-- name: drop_model
-- The trial is over.
DELETE FROM model WHERE id = %(trial)s

-- name: add_rollout
-- A new version is tried.
INSERT INTO codec_rollout (model, trial, version, before, devices, actor, state, old, new)
VALUES (%(model)s, %(trial)s, %(version)s, %(before)s, %(devices)s, %(actor)s, %(state)s, %(old)s::jsonb,
        %(new)s::jsonb)
RETURNING id

-- name: rollouts
-- Trials of a model, the newest first.
SELECT id, model, trial, version, before, state, devices, actor, created, ended, old, new
FROM codec_rollout WHERE (%(model)s = '' OR model = %(model)s) AND (%(id)s = 0 OR id = %(id)s)
ORDER BY id DESC LIMIT 100

-- name: end_rollout
-- Everywhere, or back.
UPDATE codec_rollout SET state = %(state)s, ended = now() WHERE id = %(id)s AND state = %(was)s

-- name: last_uplinks
-- The last frames of a model.
SELECT log, sequence FROM raw
WHERE model IN ({model:String}, {trial:String}) AND kind = 'up' AND frame != ''
  AND received > now64(3) - INTERVAL 30 DAY
ORDER BY received DESC LIMIT {limit:UInt32}
