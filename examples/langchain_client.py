"""LangChain over `ragsvc serve`: pip install langchain-openai."""

import os

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ.get("RAGSVC_URL", "http://127.0.0.1:8000/v1")
KEY = os.environ.get("RAGSVC_API_KEY", "none")

chat = ChatOpenAI(base_url=URL, api_key=KEY, model="ragsvc/handbook")
print("answer:", chat.invoke("What is retrieval-augmented generation?").content)

print("streamed: ", end="")
for chunk in chat.stream("How does a variational autoencoder differ from a plain one?"):
    print(chunk.content, end="")
print()

# Unless it is told not to, LangChain cuts texts into the tokens of OpenAI's own models.
embeddings = OpenAIEmbeddings(
    base_url=URL, api_key=KEY, model="ragsvc/handbook", check_embedding_ctx_length=False
)
print("embeddings:", len(embeddings.embed_query("one text")), "numbers")
