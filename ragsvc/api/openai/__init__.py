"""What speaks the language of the OpenAI API: its requests, responses, streams and errors."""
