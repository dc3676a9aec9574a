/** Live events (server-sent), which anyone may pause: one stream a page, reopened when resumed. */

import { withQuery } from "./api";
import type { AirFrame, LedgerCounts, Source } from "./types";

export interface LiveObservation {
  entity: string;
  attribute: string;
  series: number;
  value: unknown;
  measured: string;
  quality: number;
}

interface Listeners {
  observation?: (event: LiveObservation) => void;
  ledger?: (event: LedgerCounts) => void;
  source?: (event: Source) => void;
  repairs?: (event: Record<string, number>) => void;
  frames?: (event: AirFrame[]) => void;
}

class Live {
  paused = $state(false);
  state = $state<"off" | "opening" | "open" | "lost">("off");
  #open = 0;

  toggle(): void {
    this.paused = !this.paused;
  }

  /** To be called inside an $effect: opens a stream, gives back how to close it; does nothing while paused. */
  listen(query: Record<string, string>, listeners: Listeners, path = "/api/v1/live"): () => void {
    if (this.paused) return () => undefined;
    const stream = new EventSource(withQuery(path, query), { withCredentials: true });
    this.#open += 1;
    this.state = "opening";
    stream.addEventListener("open", () => (this.state = "open"));
    stream.addEventListener("error", () => (this.state = "lost"));
    for (const [name, listener] of Object.entries(listeners)) {
      stream.addEventListener(name, (event) => {
        (listener as (data: unknown) => void)(JSON.parse((event as MessageEvent<string>).data));
      });
    }
    return () => {
      stream.close();
      this.#open -= 1;
      if (this.#open === 0) this.state = "off";
    };
  }
}

export const live = new Live();

/** Called in a component: runs ``refresh`` when something was stored since, at most every ``pauseMs``; never while paused or hidden. */
export function onStored(refresh: () => void, pauseMs = 5_000): void {
  $effect(() => {
    let seen = -1;
    let last = Date.now();
    return live.listen(
      { topics: "ledger" },
      {
        ledger: (event) => {
          const now = event.stored + event.rejected;
          if (seen < 0) seen = now;
          if (now === seen || Date.now() - last < pauseMs || document.hidden) return;
          seen = now;
          last = Date.now();
          refresh();
        },
      },
    );
  });
}
