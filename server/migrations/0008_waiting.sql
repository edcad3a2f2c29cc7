-- Commands that are not judged for good: few among many, looked for by site and author.
create index commands_waiting on commands (site, author) where status in ('held', 'quarantined');
