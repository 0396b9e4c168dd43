"""Golden sets drafted from a corpus by rules, for a person to edit."""
