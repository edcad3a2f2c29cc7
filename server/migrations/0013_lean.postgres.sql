-- Fewer pages are written for each command: an index has the rows that somebody looks for in it and no others, and no row
-- asks whether there is its site: whoever writes it holds that.

-- However long it takes; but whoever waits in vain for others to finish starts again, and everybody behind it goes on. In the
-- order in which writers take them.
set local statement_timeout = 0;
set local lock_timeout = '10s';
lock table sites, chains, docs, commands, events, case_facts, case_photos, feed in access exclusive mode;

alter table events drop constraint events_site_fkey;
alter table docs drop constraint docs_site_fkey;
alter table case_facts drop constraint case_facts_site_fkey;
alter table case_photos drop constraint case_photos_site_fkey;
alter table feed drop constraint feed_site_fkey;

-- In place: whoever looks at an older instant would find a table empty that was written anew.
drop index feed_doc;
alter table feed drop constraint feed_pkey;
alter table feed add primary key (site, doc, principal);

drop index case_facts_ended;
create index case_facts_ended on case_facts (site, stage_since) where stage in ('closed', 'cancelled');

-- A command is looked for by its id, and its place is guarded by its chain: keyed by places, each command of another device
-- is another page. Of what it is about nobody asks once it is done.
alter table commands drop constraint commands_pkey;
alter table commands drop constraint commands_id_key;
alter table commands add primary key (id);
drop index commands_aggregate;
create index commands_aggregate on commands (site, aggregate) where status <> 'done';
