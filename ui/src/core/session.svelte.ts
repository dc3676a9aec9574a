/** Who is signed in, on which platform. */

import { api, declare, onSignedOut, Problem, wasSignedIn } from "./api";
import { router } from "./router.svelte";
import type { EntityType, Platform, Quantity, User } from "./types";
import { list } from "./api";
import { t, words } from "./words.svelte";

const EVERY_QUANTITY = { limit: 1000 };

class Session {
  user = $state<User | null>(null);
  platform = $state<Platform | null>(null);
  ready = $state(false);
  problem = $state<unknown>(null);
  types = $state<EntityType[]>([]);
  quantities = $state<Record<string, Quantity>>({});

  /** May they do this, such as "administer account"? */
  may(asked: string): boolean {
    return this.user?.may?.includes(asked) ?? false;
  }

  async begin(): Promise<void> {
    onSignedOut(() => this.#toSignIn());
    if (wasSignedIn()) {
      api.ahead("/types");
      api.ahead("/quantities", EVERY_QUANTITY);
    }
    try {
      const [user] = await Promise.all([api.get<User>("/me"), this.#platform()]);
      if (user.kind !== "anonymous") {
        this.user = user;
        await this.#vocabulary();
      } else {
        // Somebody who is not signed in may read what is published, without its vocabulary too.
        void this.#vocabulary().catch(() => undefined);
      }
    } catch (error) {
      if (!(error instanceof Problem && (error.status === 401 || error.status === 403))) this.problem = error;
      this.user = null;
    }
    this.ready = true;
  }

  async #platform(): Promise<void> {
    try {
      this.platform = await api.get<Platform>("/platform");
    } catch (error) {
      // Some territories hide even their name from people who are not signed in.
      if (!(error instanceof Problem && (error.status === 401 || error.status === 403))) throw error;
    }
  }

  async #vocabulary(): Promise<void> {
    const [types, quantities] = await Promise.all([list<EntityType>("/types"), list<Quantity>("/quantities", EVERY_QUANTITY)]);
    this.types = types.items;
    this.quantities = Object.fromEntries(quantities.items.map((quantity) => [quantity.key, quantity]));
  }

  async enter(user: User): Promise<void> {
    this.user = { ...user, may: (await api.get<User>("/me")).may };
    if (user.language && !localStorage.getItem("clapas.language")) words.choose(user.language);
    await Promise.all([this.#platform(), this.#vocabulary()]);
  }

  async leave(): Promise<void> {
    await api.delete("/session");
    declare("");
    this.user = null;
    router.go("/connexion");
  }

  async refreshTypes(): Promise<void> {
    this.types = (await list<EntityType>("/types")).items;
  }

  #toSignIn(): void {
    if (!this.user) return;
    this.user = null;
    router.go(`/connexion?vers=${encodeURIComponent(location.pathname + location.search)}`);
  }

  typeLabel(type: string): string {
    const found = this.types.find((each) => each.type === type);
    return (found && (words.language === "fr" ? found.label_fr : found.label_en)) || (words.has(`type.${type}`) ? t(`type.${type}`) : type);
  }

  quantityLabel(key: string): string {
    const found = this.quantities[key];
    return (found && (words.language === "fr" ? found.fr : found.en)) || key;
  }
}

export const session = new Session();
