-- The history of the watch. PRAGMA user_version is the number of this format.
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Every target that was ever watched: records name it by its number. `description` is JSON.
CREATE TABLE targets (
    number INTEGER PRIMARY KEY,
    description TEXT NOT NULL
) STRICT;
-- When each target was probed last, in Unix milliseconds.
CREATE TABLE last_probes (
    target INTEGER PRIMARY KEY REFERENCES targets (number),
    at_ms INTEGER NOT NULL
) STRICT;
-- Bad and valid probes in slots of five minutes: the short windows of burn rates.
CREATE TABLE recent (
    slot INTEGER NOT NULL,
    target INTEGER NOT NULL REFERENCES targets (number),
    bad INTEGER NOT NULL,
    valid INTEGER NOT NULL,
    PRIMARY KEY (slot, target)
) STRICT, WITHOUT ROWID;
-- What was counted of a target in an hour since 1970. `latency` and `reasons` are JSON.
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    target INTEGER NOT NULL REFERENCES targets (number),
    good INTEGER NOT NULL,
    bad INTEGER NOT NULL,
    excused INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    correct INTEGER NOT NULL,
    latency TEXT NOT NULL,
    reasons TEXT NOT NULL,
    PRIMARY KEY (hour, target)
) STRICT, WITHOUT ROWID;
-- AUTOINCREMENT: a number is never given twice. `incident` is JSON.
CREATE TABLE incidents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    operator TEXT NOT NULL,
    began_ms INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    is_breach INTEGER NOT NULL,
    incident TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_of_operator ON incidents (operator, number);
CREATE INDEX incidents_by_end ON incidents (ended_ms);
CREATE INDEX incidents_by_opening ON incidents (opened_ms, operator, is_breach, ended_ms);
CREATE TABLE evidence (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    operator TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    bundle BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_of_operator ON evidence (operator, at_ms, number, bytes);
-- What probes remember of targets from one round to the next.
CREATE TABLE memories (
    target BLOB PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    memory BLOB NOT NULL
) STRICT;
-- Other people's lists and pools. `standing` and `incident` are JSON.
CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    standing TEXT NOT NULL
) STRICT;
CREATE TABLE source_incidents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    incident TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_of_source ON source_incidents (source, number);
