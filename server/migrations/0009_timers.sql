-- When each kind of work is due next; whoever moves it on does it.
create table timers (
    work text not null primary key,
    due bigint not null
);
