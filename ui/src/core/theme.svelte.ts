/** Light, dark, or as the system says; canvases read the colours that the tokens resolve to. */

type Choice = "auto" | "light" | "dark";
const system = matchMedia("(prefers-color-scheme: dark)");

class Theme {
  choice = $state<Choice>((localStorage.getItem("clapas.theme") as Choice | null) ?? "auto");
  #systemDark = $state(system.matches);
  dark = $derived(this.choice === "auto" ? this.#systemDark : this.choice === "dark");

  constructor() {
    system.addEventListener("change", (event) => (this.#systemDark = event.matches));
    this.#apply();
  }

  choose(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem("clapas.theme", choice);
    this.#apply();
  }

  next(): void {
    this.choose(this.choice === "auto" ? "light" : this.choice === "light" ? "dark" : "auto");
  }

  /** Before any canvas is drawn: a canvas that reads its colours first keeps the wrong theme. */
  #apply(): void {
    if (this.choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }

  /** What a token is, now, as rgb(): a custom property alone still says light-dark(…). */
  colours<K extends string>(...tokens: K[]): Record<K, string> {
    void this.dark;
    const probe = document.createElement("span");
    // Where less motion is asked for every change has a short duration: without this each token would still say the one before.
    probe.style.setProperty("transition", "none", "important");
    document.body.append(probe);
    const found = {} as Record<K, string>;
    for (const token of tokens) {
      probe.style.color = `var(--${token})`;
      found[token] = getComputedStyle(probe).color;
    }
    probe.remove();
    return found;
  }
}

export const theme = new Theme();
