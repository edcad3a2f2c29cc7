-- All cases of a site from the latest report backwards.

create index case_facts_reported on case_facts (site, reported_at, case_id);
