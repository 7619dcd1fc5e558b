-- The registry that this ledger is of, by the id of its public key: one row, written when the
-- registry is made. Once there are entries, their signatures say it.
CREATE TABLE registry (
    key_id TEXT NOT NULL PRIMARY KEY
);
