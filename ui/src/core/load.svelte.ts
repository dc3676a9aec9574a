/** One thing asked of the server: loading, there, or refused; a newer question forgets the older one. */

export class Load<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<unknown>(null);
  loading = $state(true);
  #controller: AbortController | null = null;

  async run(ask: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading = true;
    try {
      const value = await ask(controller.signal);
      if (controller.signal.aborted) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.problem = error;
    }
    this.loading = false;
  }

  stop(): void {
    this.#controller?.abort();
  }
}
