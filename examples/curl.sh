#!/bin/sh
# curl over `ragsvc serve`.
set -eu
url=${RAGSVC_URL:-http://127.0.0.1:8000/v1}
key="Authorization: Bearer ${RAGSVC_API_KEY:-none}"
json='Content-Type: application/json'

curl -sSf "$url/models" -H "$key"
echo
curl -sSf "$url/chat/completions" -H "$key" -H "$json" -d '{
  "model": "ragsvc/handbook",
  "messages": [{"role": "user", "content": "What is retrieval-augmented generation?"}]
}'
echo
curl -sSfN "$url/chat/completions" -H "$key" -H "$json" -d '{
  "model": "ragsvc/handbook", "stream": true,
  "messages": [{"role": "user", "content": "What is retrieval-augmented generation?"}]
}'
curl -sSf "$url/embeddings" -H "$key" -H "$json" -d '{"model": "ragsvc/handbook", "input": "one text"}'
