"""The Model Context Protocol: search, answers and documents as tools and resources of an agent."""
