/** What people call models and groups: asked once, shown instead of their ids. */

import { list } from "./api";

interface Named {
  id: string;
  title: string;
}

class Names {
  models = $state.raw<Named[]>([]);
  groups = $state.raw<Named[]>([]);
  #asked = false;

  /** Begins to load; without the names the ids still serve. */
  want(): void {
    if (this.#asked) return;
    this.#asked = true;
    list<{ id: string; label: string }>("/catalogue").then(
      (page) => (this.models = page.items.map((each) => ({ id: each.id, title: each.label || each.id }))),
      () => (this.#asked = false),
    );
    list<{ name: string; label: string }>("/groups").then(
      (page) => (this.groups = page.items.map((each) => ({ id: each.name, title: each.label || each.name }))),
      () => (this.#asked = false),
    );
  }

  model(id: string): string {
    return this.models.find((each) => each.id === id)?.title ?? id;
  }

  group(name: string): string {
    return this.groups.find((each) => each.id === name)?.title ?? name;
  }

  /** The model that somebody wrote, by its name or its id; '' when there is none, or several. */
  modelOf(text: string): string {
    const wanted = text.trim().toLowerCase();
    const found = this.models.filter((each) => each.title.toLowerCase() === wanted);
    return this.models.find((each) => each.id === text.trim())?.id ?? (found.length === 1 ? (found[0]?.id ?? "") : "");
  }
}

export const names = new Names();
