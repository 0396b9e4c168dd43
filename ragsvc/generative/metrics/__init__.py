"""How far samples of a model are from what they should look like: pure functions on arrays and texts."""
