-- The ledger itself: rows are only ever added.
CREATE TABLE entry (
    seq BIGINT NOT NULL PRIMARY KEY,
    prev TEXT NOT NULL,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    signature TEXT NOT NULL
);

-- Everything below is derived from the entries, in the transaction that adds them, for queries.
-- An id is the number of the entry that introduced the thing; "withdrawn" and the like hold the
-- number of the entry that ended it.
CREATE TABLE base (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    checkpoint TEXT NOT NULL
);

CREATE TABLE shard (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    licence TEXT NOT NULL,
    uses TEXT NOT NULL,
    expires TEXT,
    source TEXT NOT NULL,
    root TEXT NOT NULL,
    samples BIGINT NOT NULL,
    withdrawn BIGINT
);

CREATE TABLE sample (
    shard BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    withdrawn BIGINT,
    PRIMARY KEY (shard, sha256)
);
CREATE INDEX sample_hash ON sample (sha256);

CREATE TABLE ingredient (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    base BIGINT NOT NULL,
    checkpoint TEXT NOT NULL,
    withdrawn BIGINT
);
CREATE INDEX ingredient_name ON ingredient (name);

CREATE TABLE ingredient_shard (
    ingredient BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    PRIMARY KEY (ingredient, shard)
);
CREATE INDEX ingredient_of_shard ON ingredient_shard (shard);

CREATE TABLE soup (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    method TEXT NOT NULL,
    follows INTEGER NOT NULL,
    checkpoint TEXT NOT NULL,
    withdrawn BIGINT,
    superseded BIGINT,
    UNIQUE (name, version)
);

CREATE TABLE soup_member (
    soup BIGINT NOT NULL,
    ingredient BIGINT NOT NULL,
    coefficient TEXT NOT NULL,
    PRIMARY KEY (soup, ingredient)
);
CREATE INDEX soup_of_ingredient ON soup_member (ingredient);

-- Shards that a search looked at when it chose this soup's ingredients.
CREATE TABLE soup_selection (
    soup BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    PRIMARY KEY (soup, shard)
);
CREATE INDEX selection_of_shard ON soup_selection (shard);

CREATE TABLE evaluation (
    id BIGINT NOT NULL PRIMARY KEY,
    soup BIGINT NOT NULL,
    what TEXT NOT NULL,
    passed INTEGER NOT NULL
);
CREATE INDEX evaluation_of_soup ON evaluation (soup);

CREATE TABLE publication (
    id BIGINT NOT NULL PRIMARY KEY,
    soup BIGINT NOT NULL,
    place TEXT NOT NULL,
    withdrawn BIGINT
);
CREATE INDEX publication_of_soup ON publication (soup);

CREATE TABLE withdrawal (
    id BIGINT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL
);
