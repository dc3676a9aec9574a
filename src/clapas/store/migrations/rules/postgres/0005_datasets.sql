-- A rule may leave out what another trade's record holds: the engine is told when an entity changes its dataset.
CREATE OR REPLACE FUNCTION clapas_tell_things() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SELECT CASE WHEN count(*) > 50 THEN '*' ELSE string_agg(id, E'\n') END INTO told
    FROM (
        SELECT n.id FROM fresh n JOIN former o ON o.id = n.id
        WHERE (n.type, n.name, n.commune, n.relations, n.dataset)
              IS DISTINCT FROM (o.type, o.name, o.commune, o.relations, o.dataset)
        LIMIT 51
    ) AS few;
    IF told IS NOT NULL THEN
        PERFORM pg_notify('clapas_things', CASE WHEN octet_length(told) > 7000 THEN '*' ELSE told END);
    END IF;
    RETURN NULL;
END
$$;
