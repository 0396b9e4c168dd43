"""A chatbot for the terminal over `ragsvc serve`: python examples/chatbot.py [CORPUS]. Empty line: end."""

import os
import sys

import openai

URL = os.environ.get("RAGSVC_URL", "http://127.0.0.1:8000/v1")
MODEL = "ragsvc/" + (sys.argv[1] if len(sys.argv) > 1 else "handbook")
client = openai.OpenAI(base_url=URL, api_key=os.environ.get("RAGSVC_API_KEY", "none"))
messages: list[dict[str, str]] = []


def reply() -> str:
    """Print the answer to the last message while it is written; gives the whole of it."""
    text = ""
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        print(piece, end="", flush=True)
        text += piece
    print()
    return text


while question := input("> ").strip():
    messages.append({"role": "user", "content": question})
    try:
        messages.append({"role": "assistant", "content": reply()})
    except openai.APIError as error:
        print(f"({error})", messages.pop()["content"])
