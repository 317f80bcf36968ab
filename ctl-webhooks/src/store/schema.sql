-- The documents as last verified.
CREATE TABLE documents (
    role TEXT PRIMARY KEY, sequence INTEGER NOT NULL, sha256 TEXT NOT NULL, root_version INTEGER NOT NULL,
    issued_at INTEGER NOT NULL, next_update INTEGER NOT NULL, payload BLOB NOT NULL
) STRICT;
-- The roots that subscribers know of.
CREATE TABLE roots (form TEXT NOT NULL, id TEXT NOT NULL, root TEXT NOT NULL, PRIMARY KEY (form, id)) STRICT;
-- What is sent, byte for byte.
CREATE TABLE events (id TEXT PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, form TEXT NOT NULL, created INTEGER NOT NULL, secret TEXT NOT NULL,
    settings TEXT NOT NULL
) STRICT;
CREATE INDEX endpoints_by_client ON endpoints (client, form, created);
-- `outcome` is none as long as it waits, until `next_at`.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    event TEXT NOT NULL REFERENCES events (id),
    attempts INTEGER NOT NULL DEFAULT 0, last_at INTEGER, status INTEGER, reason TEXT,
    next_at INTEGER NOT NULL, outcome TEXT
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (endpoint, next_at, number) WHERE outcome IS NULL;
CREATE INDEX deliveries_past ON deliveries (endpoint, number) WHERE outcome IS NOT NULL;
CREATE INDEX deliveries_by_event ON deliveries (event);
