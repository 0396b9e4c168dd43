"""Who is named with whom: entities that the structure of documents gives, looked for in all texts."""
