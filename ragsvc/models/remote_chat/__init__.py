"""A chat model behind a server of the OpenAI kind."""
