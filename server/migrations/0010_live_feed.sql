-- What a principal has and what it has lost, apart: whoever reads from nothing asks for the former only, however much has
-- left the feed over the years.
create index feed_live on feed (site, principal, seq) where gone = 0;
create index feed_gone on feed (site, principal, seq) where gone = 1;
drop index feed_seq;
