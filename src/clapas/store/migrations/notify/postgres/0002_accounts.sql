-- People by their account, not by the name that is shown.
UPDATE contact p SET person = c.id::text FROM account c
WHERE p.person = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = p.person) = 1;
UPDATE notice n SET person = c.id::text FROM account c
WHERE n.person = coalesce(nullif(c.name, ''), c.login)
  AND (SELECT count(*) FROM account o WHERE coalesce(nullif(o.name, ''), o.login) = n.person) = 1;
