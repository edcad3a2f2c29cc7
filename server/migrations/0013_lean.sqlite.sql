-- Fewer pages are written for each command: a table that is looked up by its key lies in its key's index, an index has the
-- rows that somebody looks for in it and no others, and no row asks whether there is its site: whoever writes it holds that.
-- SQLite changes no table in place, so they are copied; nobody else uses the file meanwhile.

create table lean_feed (
    site text not null,
    doc text not null,
    principal text not null,
    seq bigint not null,
    gone bigint not null,
    primary key (site, doc, principal)
) without rowid;
insert into lean_feed select site, doc, principal, seq, gone from feed order by site, doc, principal;
drop table feed;
alter table lean_feed rename to feed;
create index feed_live on feed (site, principal, seq) where gone = 0;
create index feed_gone on feed (site, principal, seq) where gone = 1;

create table lean_events (
    site text not null,
    kind text not null,
    aggregate text not null,
    version bigint not null,
    seq bigint not null,
    body text not null,
    command text,
    primary key (site, kind, aggregate, version)
) without rowid;
insert into lean_events select site, kind, aggregate, version, seq, body, command from events
    order by site, kind, aggregate, version;
drop table events;
alter table lean_events rename to events;

-- With a row apart from its key: it is as long as half a page.
create table lean_docs (
    site text not null,
    doc text not null,
    version bigint not null,
    born bigint not null,
    seq bigint not null,
    body text not null,
    primary key (site, doc)
);
insert into lean_docs select site, doc, version, born, seq, body from docs order by site, doc;
drop table docs;
alter table lean_docs rename to docs;

create table lean_case_facts (
    site text not null,
    case_id text not null,
    number text,
    category text not null,
    kind text not null,
    urgent bigint not null,
    confidential bigint not null,
    stage text not null,
    stage_since bigint not null,
    reported_at bigint not null,
    first_asked text not null,
    company text not null,
    handler text,
    primary key (site, case_id)
) without rowid;
insert into lean_case_facts select site, case_id, number, category, kind, urgent, confidential, stage, stage_since,
    reported_at, first_asked, company, handler from case_facts order by site, case_id;
drop table case_facts;
alter table lean_case_facts rename to case_facts;
create unique index case_facts_number on case_facts (site, number);
create index case_facts_reported on case_facts (site, reported_at, case_id);
create index case_facts_ended on case_facts (site, stage_since) where stage in ('closed', 'cancelled');

create table lean_case_photos (
    site text not null,
    photo text not null,
    author text not null,
    case_id text not null,
    sha256 text not null,
    primary key (site, photo, author, case_id)
) without rowid;
insert into lean_case_photos select site, photo, author, case_id, sha256 from case_photos
    order by site, photo, author, case_id;
drop table case_photos;
alter table lean_case_photos rename to case_photos;

create table lean_chains (
    device text not null,
    author text not null,
    n bigint not null,
    hash text not null,
    last_at bigint,
    lock_count bigint not null,
    primary key (device, author)
) without rowid;
insert into lean_chains select device, author, n, hash, last_at, lock_count from chains order by device, author;
drop table chains;
alter table lean_chains rename to chains;

-- A command is looked for by its id, and its place is guarded by its chain: keyed by places, each command of another device
-- is another page. Of what it is about nobody asks once it is done.
create table lean_commands (
    id text not null primary key,
    device text not null,
    author text not null,
    n bigint not null,
    hash text not null,
    site text,
    aggregate text,
    kind text,
    text text not null,
    event_at bigint not null,
    uncertain bigint not null,
    received bigint not null,
    status text not null,
    verdict text not null,
    private bigint not null,
    had text,
    had_seq bigint,
    lacks text,
    clock_moved bigint not null default 0,
    chain_gap bigint not null default 0
);
insert into lean_commands select id, device, author, n, hash, site, aggregate, kind, text, event_at, uncertain, received,
    status, verdict, private, had, had_seq, lacks, clock_moved, chain_gap from commands order by rowid;
drop table commands;
alter table lean_commands rename to commands;
create index commands_aggregate on commands (site, aggregate) where status <> 'done';
create index commands_waiting on commands (site, author) where status in ('held', 'quarantined');
create index commands_collected on commands (site, had_seq) where status = 'collected';
create index commands_lacking on commands (site, lacks) where lacks is not null;
