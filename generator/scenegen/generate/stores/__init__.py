"""Where finished scenes go: folders, shards, object storage."""
