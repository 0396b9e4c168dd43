// The texts of the page in English.

export default {
  "skip": "Skip to content", "views": "Views", "corpus": "Corpus", "corpora": "Corpora", "no_corpus": "No corpus yet", "language": "Language",
  "view.ask": "Ask", "view.documents": "Documents", "view.history": "History", "view.upload": "Upload", "view.jobs": "Jobs", "view.overview": "Overview",
  "theme.auto": "Theme: as the system", "theme.light": "Theme: light", "theme.dark": "Theme: dark",
  "again": "Try again", "all": "All", "cancel": "Cancel", "close": "Close", "clear": "Clear", "delete": "Delete", "deleted": "Deleted.", "loading": "Loading …",
  "more": "Show more", "save": "Save", "send": "Send", "show": "Show", "name": "Name", "title": "Title", "kind": "Kind", "time": "Time", "file": "File", "what": "What happened",
  "n.one": "{n}", "n.other": "{n}", "more_n.one": "and {n} more", "more_n.other": "and {n} more",

  "login": "Log in", "logout": "Log out", "login_title": "This service needs its key", "key": "API key", "key_wrong": "This is not the server’s key.",
  "key_help": "The value of RAGSVC_API_KEY. It is sent once; this browser keeps only a cookie that ends by itself.",

  "shortcuts": "Keyboard shortcuts", "key.ask": "Go to the question", "key.send": "Ask", "key.line": "New line in the question", "key.close": "Close the source",
  "key.citations": "Next or previous citation", "key.new": "New conversation", "key.upload": "Upload files", "key.list": "This list",

  "ask": "Ask", "stop": "Stop", "new": "New conversation", "question": "Your question", "question_hint": "Ask the documents …", "send_hint": "Enter asks, Shift+Enter begins a new line",
  "welcome": "Ask {corpus}", "welcome_more": "{size} with {characters} characters. Every statement of an answer points to the very characters it stands on.",
  "welcome_empty": "Nothing to ask yet", "welcome_empty_more": "Upload documents first: PDF, Office, CSV, HTML, e-mail, Markdown, code and more.",
  "examples": "Examples", "reading": "Reading …", "passages_read.one": "Reading {n} passage …", "passages_read.other": "Reading {n} passages …",
  "answer": "Answer", "not_answered": "The documents do not answer this.", "closest": "Closest passages", "stopped": "Stopped.", "broken_off": "The answer broke off. Ask again.",
  "unsupported.one": "No passage bears out {n} sentence.", "unsupported.other": "No passage bears out {n} sentences.",
  "sources": "What the answer stands on", "open_source": "Source {n}: show the text",
  "confidence": "confidence {n} %", "searched": "searched for “{words}”", "from": "{corpus}, commit {commit}",
  "copy": "Copy with citations", "copied": "Copied with its citations.", "not_copied": "The browser did not allow copying.",
  "feedback": "Was this answer good?", "good": "Good answer", "bad": "Bad answer", "comment": "What was good or wrong?", "thanks": "Thank you.",
  "sessions": "Conversations", "no_sessions": "None yet.", "not_kept": "(text not kept)", "rename": "Rename {name}", "delete_of": "Delete {name}", "delete_session": "The conversation “{name}” will be deleted.",

  "source": "Source", "text": "Text of the document", "page": "page {n}", "characters_of": "characters {start}–{end}", "version": "version {version}",
  "hidden_signs": "hidden characters", "hidden_signs_more": "This text holds characters that are not seen or that turn others around. They are shown as boxes.",
  "changed_since": "the document has changed since", "earlier": "Show earlier text", "later": "Show later text", "cited_beside": "Cited in this answer", "read_beside": "Other passages that were read",

  "filter": "Filter", "filter_help": "Only documents whose metadata match all of these", "filter_add": "Add a condition", "filter_remove": "Remove this condition",
  "filter_field": "field", "filter_operator": "Operator", "filter_value": "value",
  "operator.$eq": "is", "operator.$ne": "is not", "operator.$gt": "greater than", "operator.$gte": "at least", "operator.$lt": "less than", "operator.$lte": "at most",
  "operator.$in": "is one of (commas)", "operator.$nin": "is none of (commas)", "operator.$exists": "exists (true or false)",

  "upload": "Upload", "drop": "Drop files or a folder here", "drop_more": "PDF, Office, CSV, HTML, e-mail, zip, EPUB, Markdown, code, JSON Lines",
  "pick_files": "Choose files", "pick_folder": "Choose a folder", "to_corpus": "Into the corpus", "corpus_hint": "for example: notes",
  "corpus_help": "An existing corpus or a new name: small letters, digits, dot, underscore, hyphen. Documents of the same name are replaced.",
  "files_n.one": "{n} file", "files_n.other": "{n} files", "too_many": "At most {n} files at once.", "sending": "Sending …", "ask_now": "Ask the documents",
  "job": "Job", "no_jobs": "No jobs.", "state": "State", "progress": "Progress", "of": "{done} of {total}", "waiting": "Waiting …", "cancel_job": "Cancel the job",
  "cancelled_more": "Nothing of it is visible; what was there before stays.",
  "state.queued": "waiting", "state.running": "running", "state.done": "done", "state.failed": "failed", "state.cancelled": "cancelled",
  "count.added": "added", "count.changed": "changed", "count.unchanged": "unchanged", "count.removed": "removed", "count.skipped": "skipped", "count.failed": "failed",
  "failed_files": "Could not be read", "skipped_files": "Left out", "warnings": "Warnings",
  "skip.hidden": "hidden file", "skip.ignored": "never content", "skip.unsupported_type": "no text in this type", "skip.empty": "empty", "skip.not_a_file": "no file",
  "skip.outside_root": "outside of the folder", "skip.duplicate_link": "link to another file", "skip.excluded": "excluded",

  "documents": "Documents", "documents_of": "Documents of {corpus}", "only_warnings": "Only those with warnings", "no_documents": "No documents.", "no_warnings": "No document has warnings.",
  "documents_n.one": "{n} document", "documents_n.other": "{n} documents", "documents_shown.one": "{n} document is shown.", "documents_shown.other": "{n} documents are shown.",
  "metadata": "Metadata", "versions": "Versions", "version_at": "{version} · {time} · commit {commit}", "delete_document": "“{name}” will no longer be found. A rollback brings it back.",
  "characters": "Characters", "chunks": "Chunks",

  "history_of": "History of {corpus}", "history_help": "Every change is a commit. Going back makes a new one, so it can be undone too.", "no_commits": "No commits.",
  "commit": "Commit {n}", "commit_word": "Commit", "head": "current", "collected": "collected", "tag": "Tag", "tags": "Tags", "tag_of": "Tag commit {n}",
  "tag_help": "Letters, digits, dot, underscore, hyphen. A tagged commit is kept.", "untag": "Remove the tag {tag}", "untag_more": "The commit stays until it is collected.",
  "rollback": "Go back", "rollback_of": "Go back to commit {n}", "rollback_sure": "Are you sure? {corpus} becomes what it was at commit {n} ({time}). This makes a new commit; nothing is lost.",
  "rolled_back": "Back at commit {n}: {changed} changed. Commit {previous} undoes it.",
  "commit_kind.ingest": "documents added or replaced", "commit_kind.delete": "documents deleted", "commit_kind.rollback": "went back", "commit_kind.reindex": "indexed anew", "commit_kind.import": "imported",

  "created": "Created", "index_size": "Index files", "embedder": "Embedding model", "chunk_tokens": "Tokens of a chunk", "analyser": "Analyser", "last_commits": "Last commits",
  "no_failures": "None in the last ten jobs.", "find_duplicates": "Find duplicates", "duplicates": "Duplicates", "no_duplicates": "No two documents say the same.", "similarity": "Similarity",
  "duplicate.exact": "the same", "duplicate.near": "nearly the same", "delete_corpus": "Delete the corpus",
  "delete_corpus_sure": "{corpus} goes with all its documents, versions and history. This cannot be undone. Type its name:", "not_the_name": "That is not its name; nothing was deleted.",
  "api_docs": "Description of the HTTP interface",
};
