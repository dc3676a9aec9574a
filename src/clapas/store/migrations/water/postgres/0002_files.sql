-- Water: the files of abnormal volumes (CGCT L.2224-12-4 III bis), and what a subscriber answered to an alert.
CREATE TABLE water_file (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity      text NOT NULL,
    starts      date NOT NULL,
    ends        date NOT NULL,
    volume      double precision NOT NULL,
    reference   double precision NOT NULL,
    source      text NOT NULL,
    years       jsonb NOT NULL DEFAULT '{}',
    context     text NOT NULL DEFAULT '',
    informed    date,
    proof       text NOT NULL DEFAULT '',
    certificate date,
    actor       text NOT NULL DEFAULT '',
    UNIQUE (entity, starts, ends)
);
CREATE INDEX water_case_cause ON water_case (entity) WHERE cause IN ('pool', 'irrigation', 'softener', 'shared', 'work');
