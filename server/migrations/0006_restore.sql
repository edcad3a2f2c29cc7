-- Backups, and what follows when one is restored.

-- `stable_seq` is how far the last backup reaches. The rest is written by a restore: how far the site had been then, which
-- number it had given last, and how long commands are collected before they are judged in their old order.
alter table sites add column stable_seq bigint;
alter table sites add column restored_seq bigint;
alter table sites add column restored_day text;
alter table sites add column restored_count bigint;
alter table sites add column collect_for bigint;
alter table sites add column collect_until bigint;

-- What a device said that the server had answered before it was restored, as JSON, and the sequence number in it.
alter table commands add column had text;
alter table commands add column had_seq bigint;
create index commands_collected on commands (site, had_seq) where status = 'collected';

-- Commands that nobody has any more: their device knows only what came after them.
create table lost_commands (
    device text not null,
    author text not null,
    first bigint not null,
    last bigint not null,
    noted bigint not null,
    primary key (device, author, first)
);
