-- What authors have mended or withdrawn: it may come to a server that was put back once more, as if it were new.
create table taken_back (
    site text not null,
    command text not null,
    author text not null,
    primary key (site, command, author)
);
