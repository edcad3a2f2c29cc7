-- Routes, their rounds, and the labels at their places. Their events and documents lie with those of cases.

-- `lacks` is the round without which a held command cannot be judged, where that is not what it is about. What only the
-- arrival of a command could tell is kept beside it: that the device's clock was moved, that commands before it are lost.
alter table commands add column lacks text;
alter table commands add column clock_moved bigint not null default 0;
alter table commands add column chain_gap bigint not null default 0;
create index commands_lacking on commands (site, lacks) where lacks is not null;

-- The photos that rounds name, so that an upload finds its round.
create table round_photos (
    site text not null references sites (code),
    photo text not null,
    author text not null,
    round_id text not null,
    sha256 text not null,
    primary key (site, photo, author, round_id)
);

-- The labels that hang, or hung before, at places. The token is a secret of the label: whoever has it has been there.
create table labels (
    site text not null references sites (code),
    place text not null,
    token text not null,
    made bigint not null,
    replaced bigint,
    primary key (site, token)
);
create index labels_place on labels (site, place, made);
create unique index labels_current on labels (site, place) where replaced is null;

-- Up to when the rounds of a route have been made, when the next one begins, and how long people usually take from one stop
-- to the next, as JSON.
create table route_facts (
    site text not null references sites (code),
    route_id text not null,
    code text not null,
    planned_until bigint not null,
    next_at bigint,
    usual text,
    primary key (site, route_id)
);
create index route_facts_next on route_facts (next_at);

-- What is asked of rounds without reading documents. `day` is the date on which the series starts.
create table round_facts (
    site text not null references sites (code),
    round_id text not null,
    route text not null,
    day text not null,
    minute bigint not null,
    until_at bigint not null,
    ended bigint not null,
    primary key (site, round_id)
);
create index round_facts_day on round_facts (site, day, route, minute);
create index round_facts_ended on round_facts (site, ended, until_at);
create index round_facts_open on round_facts (until_at) where ended = 0;
