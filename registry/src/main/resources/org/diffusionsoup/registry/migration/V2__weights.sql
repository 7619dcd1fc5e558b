-- Hashes of checkpoints and their weight files, by what they are of; of what was withdrawn, those
-- of its tensors too. "withdrawn" marks the hashes that must not come back under another name:
-- not those that the base has, or something else that stays.
CREATE TABLE weight (
    owner BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    withdrawn BIGINT,
    PRIMARY KEY (owner, sha256)
);
CREATE INDEX weight_hash ON weight (sha256);

ALTER TABLE base ADD COLUMN withdrawn BIGINT;
