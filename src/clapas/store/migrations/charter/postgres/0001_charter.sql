-- Datasets' records and the articles of the charter: every version is kept, none is changed.
CREATE TABLE dataset_record (
    id       text NOT NULL,
    version  integer NOT NULL,
    record   jsonb NOT NULL,
    author   text NOT NULL,
    created  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);

CREATE TABLE article (
    id            text NOT NULL,
    version       integer NOT NULL,
    text          text NOT NULL,
    valid_from    date NOT NULL,
    valid_to      date,
    deliberation  text NOT NULL,
    voted         date,
    author        text NOT NULL,
    created       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);

-- A figure hidden once stays hidden in later releases of the same table.
CREATE TABLE hidden_cell (
    product  text NOT NULL,
    cell     text NOT NULL,
    reason   text NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product, cell)
);

CREATE FUNCTION charter_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('clapas_charter', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER dataset_record_changed AFTER INSERT ON dataset_record
    FOR EACH STATEMENT EXECUTE FUNCTION charter_changed();
CREATE TRIGGER article_changed AFTER INSERT ON article
    FOR EACH STATEMENT EXECUTE FUNCTION charter_changed();
