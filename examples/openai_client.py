"""The official `openai` client over `ragsvc serve`: pip install openai."""

import os

import openai

client = openai.OpenAI(
    base_url=os.environ.get("RAGSVC_URL", "http://127.0.0.1:8000/v1"),
    api_key=os.environ.get("RAGSVC_API_KEY", "none"),
)
model = client.models.list().data[0].id
print("model:", model)

completion = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": "What is retrieval-augmented generation?"}]
)
message = completion.choices[0].message
print("answer:", message.content)
for citation in message.model_extra["ragsvc"]["citations"]:
    print(f"[{citation['marker']}]", citation["source"], f"{citation['start']}-{citation['end']}")

vectors = client.embeddings.create(model=model, input=["one text", "another"])
print("embeddings:", len(vectors.data), "of", len(vectors.data[0].embedding), "numbers")
