// Calls of the API. The key is in a cookie that scripts cannot read; every call says that it is the page's.

import { t } from "./language.js";

const OURS = { "X-Ragsvc-Page": "1" };
const refused = new Set();

/** An answer of the server that is an error; `hint` says what to do. */
export class ServiceError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.hint = problem.hint ?? "";
  }
}

/** The server does not answer at all: it is being started anew, or the line is cut. */
class Unreachable extends Error {
  constructor() {
    super(t("unreachable"));
    this.hint = t("unreachable_hint");
  }
}

/** What a browser says of a line that is cut is no help; that somebody stopped is told as it is. */
function unreachable(error) {
  throw error instanceof TypeError ? new Unreachable() : error;
}

/** Call `listener` when the server wants a login. */
export function onRefusal(listener) {
  refused.add(listener);
}

async function fail(response) {
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) refused.forEach((listener) => listener());
  throw new ServiceError(response.status, problem);
}

async function send(method, path, { query = {}, body, signal, retry = 2 } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const headers = { ...OURS };
  const plain = body !== undefined && !(body instanceof FormData);
  if (plain) headers["Content-Type"] = "application/json";
  const content = plain ? JSON.stringify(body) : body;
  const response = await fetch(url, { method, headers, body: content, signal, credentials: "same-origin" }).catch(unreachable);
  // Busy: the server says when it has room again.
  if (response.status === 503 && method === "GET" && retry > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(5, Number(response.headers.get("Retry-After")) || 1)));
    return send(method, path, { query, body, signal, retry: retry - 1 });
  }
  if (!response.ok) await fail(response);
  return response;
}

async function json(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

export const get = (path, query, signal) => json("GET", path, { query, signal });
export const post = (path, body, signal) => json("POST", path, { body, signal });
export const put = (path, body) => json("PUT", path, { body });
export const patch = (path, body) => json("PATCH", path, { body });
export const remove = (path, query) => json("DELETE", path, { query });

export const corpusPath = (corpus, rest = "") => `/v1/corpora/${encodeURIComponent(corpus)}${rest}`;

/** Post a question and give its events, as [name, data], as they come. */
export async function* answerEvents(body, signal) {
  const response = await send("POST", "/v1/answer", { body: { ...body, stream: true }, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read().catch(unreachable);
    if (done) return;
    waiting += value;
    for (let end = waiting.indexOf("\n\n"); end >= 0; end = waiting.indexOf("\n\n")) {
      const event = parse(waiting.slice(0, end));
      waiting = waiting.slice(end + 2);
      if (event) yield event;
    }
  }
}

/** One event; null for a comment, which only keeps the line open. */
function parse(frame) {
  let name = "message";
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data ? [name, JSON.parse(data)] : null;
}
