"""A chatbot for the terminal over `ragsvc serve`: python examples/chatbot.py [CORPUS]. Empty line: end."""

import os
import sys

import openai

MODEL = "ragsvc/" + (sys.argv[1] if len(sys.argv) > 1 else "handbook")


def reply(client: openai.OpenAI, messages: list[dict[str, str]]) -> str:
    """Print the answer to the last message as it is written; gives the whole of it."""
    text = ""
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        print(piece, end="", flush=True)
        text += piece
    print()
    return text


client = openai.OpenAI(
    base_url=os.environ.get("RAGSVC_URL", "http://127.0.0.1:8000/v1"),
    api_key=os.environ.get("RAGSVC_API_KEY", "none"),
)
messages: list[dict[str, str]] = []
while question := input("> ").strip():
    messages.append({"role": "user", "content": question})
    try:
        messages.append({"role": "assistant", "content": reply(client, messages)})
    except openai.APIError as error:
        messages.pop()
        print(f"({error})")
