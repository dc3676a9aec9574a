/** Short messages that confirm an act, with a way back when there is one. */

import { sentenceOf } from "./problem";

export interface Toast {
  id: number;
  text: string;
  tone: "ok" | "alarm";
  undo?: () => void | Promise<void>;
}

class Toasts {
  items = $state<Toast[]>([]);
  #last = 0;

  show(text: string, { tone = "ok", undo }: { tone?: Toast["tone"]; undo?: Toast["undo"] } = {}): void {
    const id = ++this.#last;
    this.items = [...this.items.slice(-2), { id, text, tone, undo }];
    setTimeout(() => this.close(id), undo ? 12_000 : 7_000);
  }

  fail(error: unknown): void {
    const { text, who } = sentenceOf(error);
    this.show(`${text} ${who}`, { tone: "alarm" });
  }

  close(id: number): void {
    this.items = this.items.filter((item) => item.id !== id);
  }
}

export const toasts = new Toasts();
