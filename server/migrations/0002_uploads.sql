-- How far the bytes of each photo are. A row claims only what lies in the store of the photos.

-- `segments` holds, as JSON, the ends of the pieces that are staged; `mime` is there once the photo is kept, `refused`
-- once it is known that it cannot be shown.
create table uploads (
    site text not null references sites (code),
    photo text not null,
    part text not null,
    author text not null,
    sha256 text not null,
    length bigint not null,
    segments text not null,
    mime text,
    refused text,
    announced bigint not null,
    changed bigint not null,
    primary key (site, photo, part, author)
);
