-- A staged piece is an object of its own name, so that no two requests ever write or remove the same one. Uploads that
-- are under way begin anew; what was staged of them is swept up with all that no row claims.

update uploads set segments = '[]';
create index uploads_unfinished on uploads (site, author) where mime is null and refused is null;
create index uploads_changed on uploads (changed) where mime is null and refused is null;
