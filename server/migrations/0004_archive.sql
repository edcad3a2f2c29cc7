-- Cases that ended long ago leave the feed; this finds them without looking at all that ever were.
create index case_facts_ended on case_facts (site, stage, stage_since);
