-- The file of a device: origin, money, place of work; and what was done to it.
CREATE TABLE device_file (
    device uuid PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    serial text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    site text NOT NULL DEFAULT '',
    service text NOT NULL DEFAULT '',
    supplier text NOT NULL DEFAULT '',
    contract text NOT NULL DEFAULT '',
    bought date,
    warranty date,
    yearly_cost numeric(12, 2),
    note text NOT NULL DEFAULT '',
    join_eui text NOT NULL DEFAULT ''
);
CREATE INDEX device_file_service ON device_file (service);

-- Root keys, sealed with the installation's own key (AES-256-GCM, bound to the device).
CREATE TABLE device_key (
    device uuid NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('app_key', 'nwk_key')),
    sealed bytea NOT NULL,
    PRIMARY KEY (device, kind)
);

-- Each step of a device's life and each visit, dated and signed.
CREATE TABLE device_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    before text NOT NULL DEFAULT '',
    after text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    photo bytea,
    photo_kind text NOT NULL DEFAULT ''
);
CREATE INDEX device_event_key ON device_event (key, id DESC);

-- Imports: the file as it came, what was understood of it, and the image of what it replaced.
CREATE TABLE device_import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    content bytea,
    plan jsonb NOT NULL,
    state text NOT NULL DEFAULT 'received'
        CHECK (state IN ('received', 'checked', 'applied', 'undone')),
    report jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    applied timestamptz,
    undone timestamptz
);
CREATE TABLE device_import_line (
    import bigint NOT NULL REFERENCES device_import (id) ON DELETE CASCADE,
    line integer NOT NULL,
    "column" text NOT NULL DEFAULT '',
    code text NOT NULL,
    value text NOT NULL DEFAULT '',
    hint text NOT NULL DEFAULT '',
    bad boolean NOT NULL
);
CREATE INDEX device_import_line_of ON device_import_line (import, line);
CREATE TABLE device_import_image (
    import bigint NOT NULL REFERENCES device_import (id) ON DELETE CASCADE,
    key text NOT NULL,
    device jsonb,
    file jsonb,
    keys jsonb,
    after text NOT NULL DEFAULT '',
    PRIMARY KEY (import, key)
);

-- Groups are saved queries.
CREATE TABLE device_group (
    name text PRIMARY KEY,
    label text NOT NULL DEFAULT '',
    query jsonb NOT NULL,
    actor text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

-- What health found, device by device.
CREATE TABLE device_health (
    device uuid PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    checked timestamptz NOT NULL,
    battery_end date,
    loss real,
    drift_s real,
    frozen text NOT NULL DEFAULT '',
    implausible real
) WITH (fillfactor = 70);

-- What the platform found wrong, one row a problem; mended ones leave.
CREATE TABLE repair (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    seen timestamptz NOT NULL DEFAULT now(),
    count integer NOT NULL DEFAULT 1,
    detail jsonb NOT NULL DEFAULT '{}',
    muted_until timestamptz,
    UNIQUE (kind, subject)
);

-- Commands to devices, whatever the network.
CREATE TABLE device_command (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    name text NOT NULL DEFAULT '',
    f_port smallint,
    payload bytea NOT NULL DEFAULT '',
    object jsonb,
    confirmed boolean NOT NULL DEFAULT false,
    state text NOT NULL CHECK (state IN ('to_approve', 'queued', 'sent', 'acked', 'confirmed',
                                         'failed', 'expired', 'cancelled', 'refused')),
    detail text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    not_before timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    longest_s integer,
    expect jsonb,
    opposite bigint REFERENCES device_command (id) ON DELETE SET NULL,
    actor text NOT NULL,
    approver text NOT NULL DEFAULT '',
    created timestamptz NOT NULL DEFAULT now(),
    sent timestamptz,
    ended timestamptz
);
CREATE INDEX device_command_key ON device_command (key, id DESC);
CREATE INDEX device_command_open ON device_command (not_before)
    WHERE state IN ('to_approve', 'queued', 'sent', 'acked');
CREATE TABLE device_schedule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    label text NOT NULL DEFAULT '',
    target jsonb NOT NULL,
    command jsonb NOT NULL,
    timing jsonb NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    actor text NOT NULL,
    next timestamptz,
    created timestamptz NOT NULL DEFAULT now()
);

-- The codec bench: vectors that run at every save, and versions being rolled out.
CREATE TABLE codec_vector (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    label text NOT NULL DEFAULT '',
    f_port smallint,
    payload bytea NOT NULL,
    expected jsonb NOT NULL
);
CREATE INDEX codec_vector_model ON codec_vector (model);
CREATE TABLE codec_rollout (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    trial text NOT NULL,
    version integer NOT NULL,
    before integer NOT NULL,
    old jsonb NOT NULL,
    new jsonb NOT NULL,
    state text NOT NULL DEFAULT 'trial' CHECK (state IN ('trial', 'everywhere', 'rolled_back')),
    devices integer NOT NULL DEFAULT 0,
    actor text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    ended timestamptz
);
