-- When the stream was made that a shard's positions count in: another one begins at 1 again, however long it is by now.
ALTER TABLE quivive.shards ADD COLUMN stream_time timestamptz;
