/** A job of the server, followed until it ends. */

import { api, Problem } from "./api";

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

/** Why a job failed, as any other refusal of the server: the sentence is made in the reader's language. */
export function problemOf(job: Job): Problem {
  const code = String(job.result.code ?? "internal_error");
  const values = (job.result.values as Record<string, string | number> | undefined) ?? {};
  return new Problem(0, code, code === "internal_error" ? "us" : "owner", values, job.error);
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
