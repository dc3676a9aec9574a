/** Answers asked for before the page that shows them has arrived: its own first call of that address takes them. */

const KEPT_MS = 10_000;
const early = new Map<string, Promise<Response>>();

/** Asks now; an answer that nobody takes is forgotten after ten seconds. */
export function askAhead(address: string): void {
  const answer = fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  // Whoever takes the answer hears of its failure; taken by nobody, it concerns nobody.
  answer.catch(() => undefined);
  early.set(address, answer);
  setTimeout(() => early.delete(address), KEPT_MS);
}

/** The answer of that address, once. */
export function takeEarly(address: string): Promise<Response> | undefined {
  const answer = early.get(address);
  early.delete(address);
  return answer;
}
