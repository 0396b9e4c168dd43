// Die Texte der Seite auf Deutsch.

export default {
  "skip": "Zum Inhalt springen", "views": "Ansichten", "corpus": "Korpus", "corpora": "Korpora", "no_corpus": "Noch kein Korpus", "language": "Sprache",
  "view.ask": "Fragen", "view.documents": "Dokumente", "view.history": "Verlauf", "view.upload": "Hochladen", "view.jobs": "Aufträge", "view.overview": "Übersicht",
  "theme.auto": "Farben: wie das System", "theme.light": "Farben: hell", "theme.dark": "Farben: dunkel",
  "again": "Noch einmal", "all": "Alle", "cancel": "Abbrechen", "close": "Schließen", "clear": "Leeren", "delete": "Löschen", "deleted": "Gelöscht.", "loading": "Lädt …",
  "more": "Mehr zeigen", "save": "Speichern", "send": "Senden", "show": "Zeigen", "name": "Name", "title": "Titel", "kind": "Art", "time": "Zeit", "file": "Datei", "what": "Was geschah",
  "n.one": "{n}", "n.other": "{n}", "more_n.one": "und {n} weitere", "more_n.other": "und {n} weitere",

  "login": "Anmelden", "logout": "Abmelden", "login_title": "Dieser Dienst braucht seinen Schlüssel", "key": "API-Schlüssel", "key_wrong": "Das ist nicht der Schlüssel des Servers.",
  "key_help": "Der Wert von RAGSVC_API_KEY. Er wird einmal gesendet; dieser Browser behält nur ein Cookie, das von selbst endet.",

  "shortcuts": "Tasten", "key.ask": "Zur Frage", "key.send": "Fragen", "key.line": "Neue Zeile in der Frage", "key.close": "Quelle schließen",
  "key.citations": "Nächster oder voriger Beleg", "key.new": "Neues Gespräch", "key.upload": "Dateien hochladen", "key.list": "Diese Liste",

  "ask": "Fragen", "stop": "Anhalten", "new": "Neues Gespräch", "question": "Ihre Frage", "question_hint": "Die Dokumente fragen …", "send_hint": "Enter fragt, Umschalt+Enter beginnt eine Zeile",
  "welcome": "{corpus} fragen", "welcome_more": "{size} mit {characters} Zeichen. Jede Aussage einer Antwort zeigt auf genau die Zeichen, auf denen sie steht.",
  "welcome_empty": "Noch nichts zu fragen", "welcome_empty_more": "Laden Sie zuerst Dokumente hoch: PDF, Office, CSV, HTML, E-Mail, Markdown, Code und mehr.",
  "examples": "Beispiele", "reading": "Liest …", "passages_read.one": "Liest {n} Stelle …", "passages_read.other": "Liest {n} Stellen …",
  "answer": "Antwort", "not_answered": "Die Dokumente beantworten das nicht.", "closest": "Nächste Stellen", "stopped": "Angehalten.", "broken_off": "Die Antwort brach ab. Fragen Sie noch einmal.",
  "unsupported.one": "{n} Satz belegt keine Stelle.", "unsupported.other": "{n} Sätze belegt keine Stelle.",
  "sources": "Worauf die Antwort steht", "open_source": "Quelle {n}: Text zeigen",
  "confidence": "Sicherheit {n} %", "searched": "gesucht: „{words}“", "from": "{corpus}, Commit {commit}",
  "copy": "Mit Belegen kopieren", "copied": "Mit Belegen kopiert.", "not_copied": "Der Browser hat das Kopieren nicht erlaubt.",
  "feedback": "War die Antwort gut?", "good": "Gute Antwort", "bad": "Schlechte Antwort", "comment": "Was war gut oder falsch?", "thanks": "Danke.",
  "sessions": "Gespräche", "no_sessions": "Noch keine.", "not_kept": "(Text nicht aufbewahrt)", "rename": "{name} umbenennen", "delete_of": "{name} löschen", "delete_session": "Das Gespräch „{name}“ wird gelöscht.",

  "source": "Quelle", "text": "Text des Dokuments", "page": "Seite {n}", "characters_of": "Zeichen {start}–{end}", "version": "Version {version}",
  "hidden_signs": "verborgene Zeichen", "hidden_signs_more": "Dieser Text enthält Zeichen, die man nicht sieht oder die andere umdrehen. Sie sind als Kästchen gezeigt.",
  "changed_since": "seither geändert", "earlier": "Text davor zeigen", "later": "Text danach zeigen", "cited_beside": "In dieser Antwort belegt", "read_beside": "Andere gelesene Stellen",

  "filter": "Filter", "filter_help": "Nur Dokumente, deren Metadaten zu all dem passen", "filter_add": "Bedingung hinzufügen", "filter_remove": "Bedingung entfernen",
  "filter_field": "Feld", "filter_operator": "Vergleich", "filter_value": "Wert",
  "operator.$eq": "ist", "operator.$ne": "ist nicht", "operator.$gt": "größer als", "operator.$gte": "mindestens", "operator.$lt": "kleiner als", "operator.$lte": "höchstens",
  "operator.$in": "ist eines von (Kommas)", "operator.$nin": "ist keines von (Kommas)", "operator.$exists": "gibt es (true oder false)",

  "upload": "Hochladen", "drop": "Dateien oder einen Ordner hierher ziehen", "drop_more": "PDF, Office, CSV, HTML, E-Mail, zip, EPUB, Markdown, Code, JSON Lines",
  "pick_files": "Dateien wählen", "pick_folder": "Ordner wählen", "to_corpus": "In den Korpus", "corpus_hint": "zum Beispiel: notizen",
  "corpus_help": "Ein vorhandener Korpus oder ein neuer Name: kleine Buchstaben, Ziffern, Punkt, Unterstrich, Bindestrich. Gleichnamige Dokumente werden ersetzt.",
  "files_n.one": "{n} Datei", "files_n.other": "{n} Dateien", "too_many": "Höchstens {n} Dateien auf einmal.", "sending": "Sendet …", "ask_now": "Die Dokumente fragen",
  "job": "Auftrag", "no_jobs": "Keine Aufträge.", "state": "Stand", "progress": "Fortschritt", "of": "{done} von {total}", "waiting": "Wartet …", "cancel_job": "Auftrag abbrechen",
  "cancelled_more": "Nichts davon ist sichtbar; was vorher da war, bleibt.",
  "state.queued": "wartet", "state.running": "läuft", "state.done": "fertig", "state.failed": "gescheitert", "state.cancelled": "abgebrochen",
  "count.added": "neu", "count.changed": "geändert", "count.unchanged": "unverändert", "count.removed": "entfernt", "count.skipped": "ausgelassen", "count.failed": "gescheitert",
  "failed_files": "Nicht lesbar", "skipped_files": "Ausgelassen", "warnings": "Warnungen",
  "skip.hidden": "versteckte Datei", "skip.ignored": "nie Inhalt", "skip.unsupported_type": "kein Text in dieser Art", "skip.empty": "leer", "skip.not_a_file": "keine Datei",
  "skip.outside_root": "außerhalb des Ordners", "skip.duplicate_link": "Verweis auf eine andere Datei", "skip.excluded": "ausgeschlossen",

  "documents": "Dokumente", "documents_of": "Dokumente von {corpus}", "only_warnings": "Nur die mit Warnungen", "no_documents": "Keine Dokumente.", "no_warnings": "Kein Dokument hat Warnungen.",
  "documents_n.one": "{n} Dokument", "documents_n.other": "{n} Dokumente", "documents_shown.one": "{n} Dokument wird gezeigt.", "documents_shown.other": "{n} Dokumente werden gezeigt.",
  "metadata": "Metadaten", "versions": "Versionen", "version_at": "{version} · {time} · Commit {commit}", "delete_document": "„{name}“ wird nicht mehr gefunden. Ein Zurückgehen bringt es wieder.",
  "characters": "Zeichen", "chunks": "Abschnitte",

  "history_of": "Verlauf von {corpus}", "history_help": "Jede Änderung ist ein Commit. Zurückgehen macht einen neuen, lässt sich also auch zurücknehmen.", "no_commits": "Keine Commits.",
  "commit": "Commit {n}", "commit_word": "Commit", "head": "aktuell", "collected": "eingesammelt", "tag": "Benennen", "tags": "Namen", "tag_of": "Commit {n} benennen",
  "tag_help": "Buchstaben, Ziffern, Punkt, Unterstrich, Bindestrich. Ein benannter Commit bleibt erhalten.", "untag": "Den Namen {tag} entfernen", "untag_more": "Der Commit bleibt, bis er eingesammelt wird.",
  "rollback": "Zurückgehen", "rollback_of": "Zu Commit {n} zurückgehen", "rollback_sure": "Sind Sie sicher? {corpus} wird, was er bei Commit {n} war ({time}). Das macht einen neuen Commit; nichts geht verloren.",
  "rolled_back": "Wieder bei Commit {n}: {changed} geändert. Commit {previous} nimmt es zurück.",
  "commit_kind.ingest": "Dokumente hinzugefügt oder ersetzt", "commit_kind.delete": "Dokumente gelöscht", "commit_kind.rollback": "zurückgegangen", "commit_kind.reindex": "neu indiziert", "commit_kind.import": "eingeführt",

  "created": "Angelegt", "index_size": "Indexdateien", "embedder": "Einbettungsmodell", "chunk_tokens": "Token je Abschnitt", "analyser": "Analysator", "last_commits": "Letzte Commits",
  "no_failures": "Keine in den letzten zehn Aufträgen.", "find_duplicates": "Doppeltes finden", "duplicates": "Doppeltes", "no_duplicates": "Keine zwei Dokumente sagen dasselbe.", "similarity": "Ähnlichkeit",
  "duplicate.exact": "gleich", "duplicate.near": "fast gleich", "delete_corpus": "Korpus löschen",
  "delete_corpus_sure": "{corpus} geht mit allen Dokumenten, Versionen und seinem Verlauf. Das lässt sich nicht zurücknehmen. Tippen Sie den Namen:", "not_the_name": "Das ist nicht sein Name; nichts wurde gelöscht.",
  "api_docs": "Beschreibung der HTTP-Schnittstelle",
};
