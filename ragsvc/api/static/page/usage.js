// What the service tells of its use, a row a day and corpus, as a row a day.

const DAY_MS = 86_400_000;

/** The last days (UTC) as the service names them, oldest first. */
export function lastDays(count, now = Date.now()) {
  return Array.from({ length: count }, (_, at) => new Date(now - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10));
}

/** Figures of some days; corpus: only of this one, or null. A share is weighed by what it is a share of. */
export function byDay(rows, days, corpus = null) {
  return days.map((day) => ({ day, ...joined(rows.filter((each) => each.day === day && (corpus === null || each.corpus === corpus))) }));
}

/** Some rows as one. Percentiles of several corpora cannot be joined: the slowest one's are given. */
export function joined(rows) {
  const answered = (each) => each.questions * (1 - each.unanswered);
  const asked = (each) => each.questions;
  return {
    questions: rows.reduce((sum, each) => sum + each.questions, 0),
    unanswered: mean(rows, "unanswered", asked),
    far: mean(rows, "far", asked),
    support: mean(rows, "support", answered),
    feedback: rows.reduce((sum, each) => sum + each.feedback, 0),
    score: mean(rows, "score", (each) => each.feedback),
    p50: most(rows, "latency_p50_ms"),
    p95: most(rows, "latency_p95_ms"),
  };
}

function mean(rows, name, weight) {
  const told = rows.filter((each) => each[name] !== null && weight(each) > 0);
  const total = told.reduce((sum, each) => sum + weight(each), 0);
  return total > 0 ? told.reduce((sum, each) => sum + each[name] * weight(each), 0) / total : null;
}

function most(rows, name) {
  return rows.length ? Math.max(...rows.map((each) => each[name])) : null;
}
