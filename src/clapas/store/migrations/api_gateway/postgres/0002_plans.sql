-- What an application's plan leaves of the data: attributes (empty = all), decimals (-1 = as measured), delay (s).
ALTER TABLE application ADD COLUMN attributes text[] NOT NULL DEFAULT '{}';
ALTER TABLE application ADD COLUMN decimals smallint NOT NULL DEFAULT -1 CHECK (decimals BETWEEN -1 AND 15);
ALTER TABLE application ADD COLUMN delay integer NOT NULL DEFAULT 0 CHECK (delay >= 0);
