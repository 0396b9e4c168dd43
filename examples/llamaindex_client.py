"""LlamaIndex over `ragsvc serve`, in an environment of its own: see requirements-llamaindex.txt."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(
    api_base=os.environ.get("RAGSVC_URL", "http://127.0.0.1:8000/v1"),
    api_key=os.environ.get("RAGSVC_API_KEY", "none"),
    model="ragsvc/handbook",
    is_chat_model=True,
)
question = ChatMessage(role="user", content="What is retrieval-augmented generation?")
print("answer:", llm.chat([question]).message.content)

print("streamed: ", end="")
for response in llm.stream_chat([question]):
    print(response.delta, end="")
print()
