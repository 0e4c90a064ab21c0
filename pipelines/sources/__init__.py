"""Sources: each file is a pure generator of records over one shard, with no Beam in it."""
