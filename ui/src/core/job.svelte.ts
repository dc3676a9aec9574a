/** A job of the server, followed until it ends. */

import { api } from "./api";

export interface Job {
  id: number;
  kind: string;
  subject: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  done: number;
  total: number;
  failures: number;
  result: Record<string, unknown>;
  error: string;
}

const PAUSE_MS = 700;

export class Following {
  job = $state.raw<Job | null>(null);
  problem = $state.raw<unknown>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Follows a job; gives it when it has ended. */
  async follow(job: Job): Promise<Job> {
    this.stop();
    this.job = job;
    let now = job;
    while (now.state === "queued" || now.state === "running") {
      await new Promise((done) => (this.#timer = setTimeout(done, PAUSE_MS)));
      now = await api.get<Job>(`/jobs/${job.id}`);
      if (this.job?.id !== job.id) return now;
      this.job = now;
    }
    return now;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.job = null;
  }
}
