-- No two cases of a site have the same number.

create unique index case_facts_number on case_facts (site, number);
