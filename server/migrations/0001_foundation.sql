-- Accounts, sites, commands, documents and feeds.
-- Only text, bigint and double precision: booleans are 0 and 1, instants milliseconds since 1970, JSON is text.

create table meta (
    name text not null primary key,
    value text not null
);

-- Global: people, their devices and sessions.

create table accounts (
    id text not null primary key,
    phone text unique,
    name text not null,
    password_hash text,
    active bigint not null
);

-- Every key that a device has registered for a person; a command is vouched for by any of them.
create table devices (
    device text not null,
    account text not null references accounts (id),
    public_key text not null,
    registered bigint not null,
    last_seen bigint not null,
    primary key (device, account, public_key)
);

create table sessions (
    token_hash text not null primary key,
    id text not null unique,
    account text not null references accounts (id),
    device text not null,
    label text not null,
    created bigint not null,
    seen bigint not null,
    expires bigint not null
);
create index sessions_account on sessions (account);

-- Where each chain of commands stands. `lock_count` is only written to hold the row.
create table chains (
    device text not null,
    author text not null,
    n bigint not null,
    hash text not null,
    last_at bigint,
    lock_count bigint not null,
    primary key (device, author)
);

-- The journal of every chain, also of what no site took. `id` is the command's own where it is the first to use it.
create table commands (
    device text not null,
    author text not null,
    n bigint not null,
    hash text not null,
    id text not null unique,
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
    primary key (device, author, n)
);
create index commands_aggregate on commands (site, aggregate, status);

-- One row per site, locked by every writer first. `head` is the last sequence number, `day` and `day_count` number cases.
create table sites (
    code text not null primary key,
    name text not null,
    head bigint not null,
    lock_count bigint not null,
    day text not null,
    day_count bigint not null,
    source text not null
);

create table memberships (
    site text not null references sites (code),
    account text not null references accounts (id),
    code text not null,
    active bigint not null,
    member text not null,
    primary key (site, account),
    unique (site, code)
);
create index memberships_account on memberships (account);
create index memberships_code on memberships (code);

create table events (
    site text not null references sites (code),
    kind text not null,
    aggregate text not null,
    version bigint not null,
    seq bigint not null,
    body text not null,
    command text,
    primary key (site, kind, aggregate, version)
);

-- The state of each document, as its events make it; `born` is the sequence number at which it came to be.
create table docs (
    site text not null references sites (code),
    doc text not null,
    version bigint not null,
    born bigint not null,
    seq bigint not null,
    body text not null,
    primary key (site, doc)
);

-- To whom each document is addressed, and when that or the document last changed.
create table feed (
    site text not null references sites (code),
    principal text not null,
    doc text not null,
    seq bigint not null,
    gone bigint not null,
    primary key (site, principal, doc)
);
create index feed_seq on feed (site, principal, seq);
create index feed_doc on feed (site, doc);

-- What statistics ask of a case, without reading documents.
create table case_facts (
    site text not null references sites (code),
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
);

-- The photos that cases name, so that an upload finds its case.
create table case_photos (
    site text not null references sites (code),
    photo text not null,
    author text not null,
    case_id text not null,
    sha256 text not null,
    primary key (site, photo, author, case_id)
);
