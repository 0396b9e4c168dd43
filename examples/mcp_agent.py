"""An agent over `ragsvc serve` by MCP: any chat model that calls tools. pip install 'ragsvc[mcp]' openai."""

import asyncio
import json
import os
import sys

import httpx2
import openai
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

MCP_URL = os.environ.get("RAGSVC_MCP_URL", "http://127.0.0.1:8000/mcp")
KEY = os.environ.get("RAGSVC_API_KEY", "none")
# The model is elsewhere: OPENAI_BASE_URL and OPENAI_API_KEY say where. Ollama: http://127.0.0.1:11434/v1
MODEL = os.environ.get("AGENT_MODEL", "qwen3:8b")
MOST_TURNS = 8


async def answer(question: str, ragsvc: Client, model: openai.AsyncOpenAI) -> str:
    """Let the model call tools until it answers."""
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
        for tool in (await ragsvc.list_tools()).tools
    ]
    offered = [{"type": "function", "function": tool} for tool in tools]
    messages = [{"role": "user", "content": question}]
    for _ in range(MOST_TURNS):
        made = await model.chat.completions.create(model=MODEL, messages=messages, tools=offered)
        message = made.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return message.content or ""
        for call in message.tool_calls:
            print("called:", call.function.name, call.function.arguments)
            # An error is a result too: it says what to call instead.
            result = await ragsvc.call_tool(call.function.name, json.loads(call.function.arguments))
            text = "\n".join(part.text for part in result.content if part.type == "text")
            messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
    return f"no answer after {MOST_TURNS} turns"


async def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Can chat history be stored in a database?"
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as http,
        Client(streamable_http_client(MCP_URL, http_client=http)) as ragsvc,
        openai.AsyncOpenAI() as model,
    ):
        print("answer:", await answer(question, ragsvc, model))


asyncio.run(main())
