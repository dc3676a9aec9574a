/** Chains and calendars as the API keeps them. */

export interface Stage {
  after_s: number;
  to: string[];
  channels: string[];
}

export interface Chain {
  id: string;
  title: string;
  stages: Stage[];
  cleared: boolean;
}

export interface Turn {
  person: string;
  start: number;
  end: number;
}

export interface Calendar {
  id: string;
  title: string;
  turns: Turn[];
  otherwise: string;
}

export interface Channel {
  channel: string;
  queued: number;
  failed: number;
  sent: number;
  error: string;
}

/** The instant of a civil date and time written in a field (the browser's clock). */
export function instantOf(local: string): number {
  return new Date(local).getTime();
}

/** What a date and time field shows for an instant. */
export function localOf(instant: number): string {
  const date = new Date(instant);
  return new Date(instant - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Turns of so many days each, one person after the other, on the same civil hour. */
export function rotation(people: string[], start: string, days: number, count: number): Turn[] {
  const at = (rank: number): number => {
    const date = new Date(start);
    date.setDate(date.getDate() + rank * days);
    return date.getTime();
  };
  return Array.from({ length: count }, (_, rank) => ({ person: people[rank % people.length] ?? "", start: at(rank), end: at(rank + 1) }));
}
