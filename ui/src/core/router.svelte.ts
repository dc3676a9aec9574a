/** The URL is the state of the page: a small router over history, path and query. */

import type { Component } from "svelte";

export interface Route {
  name: string;
  /** "/entites/:id": a parameter takes everything up to the next "/". */
  path: string;
  load: () => Promise<{ default: Component }>;
  /** Asks for what the page will show first while the page itself is on its way. */
  ahead?: (query: URLSearchParams) => void;
  /** Where it stands in the navigation; absent = not shown there. ``count`` is shown beside its name, asked each minute; ``needs``: for whom the charter lets do this. */
  nav?: { order: number; icon: string; count?: () => Promise<number>; needs?: string };
  /** The path of the navigation's place that this page belongs to, when its own address does not begin with it. */
  under?: string;
  /** A page that is shown without being signed in, and without the frame of the application. */
  bare?: boolean;
  /** A page that anybody may open: who is not signed in reads there what is published to all. */
  open?: boolean;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`);
}

/** Addresses that the server names by what they show, and where that is on the page. */
const ALSO: Record<string, string> = {
  "/rejets": "/sources?vue=rejets",
  "/technique/registre": "/",
  "/technique/moteurs": "/",
};

class Router {
  path = $state(location.pathname);
  search = $state(location.search);
  routes: Route[] = [];

  query = $derived(new URLSearchParams(this.search));
  found = $derived.by(() => {
    for (const route of this.routes) {
      const match = patternOf(route.path).exec(this.path);
      if (match) {
        const params = Object.fromEntries(
          Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
        );
        return { route, params };
      }
    }
    return null;
  });

  constructor() {
    addEventListener("popstate", () => this.#read());
    const elsewhere = ALSO[location.pathname];
    if (elsewhere) this.go(elsewhere, { replace: true });
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  param(name: string): string {
    return this.found?.params[name] ?? "";
  }

  get(name: string, otherwise = ""): string {
    return this.query.get(name) ?? otherwise;
  }

  go(href: string, { replace = false } = {}): void {
    const before = this.path;
    history[replace ? "replaceState" : "pushState"](null, "", ALSO[href] ?? href);
    this.#read();
    if (this.path !== before) scrollTo(0, 0);
  }

  /** Changes part of the query and keeps the rest; an empty value removes its key. */
  set(values: Record<string, string | number | null | undefined>, { replace = true } = {}): void {
    const query = new URLSearchParams(this.search);
    for (const [key, value] of Object.entries(values)) {
      if (value === "" || value === null || value === undefined) query.delete(key);
      else query.set(key, String(value));
    }
    const text = query.toString();
    if (`?${text}` === this.search || (!text && !this.search)) return;
    this.go(text ? `${this.path}?${text}` : this.path, { replace });
  }

  /** Follows plain left clicks on links of our own origin without loading the page anew. */
  follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/api") || link.hash) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  };
}

export const router = new Router();

export function entityPath(id: string): string {
  return `/entites/${encodeURIComponent(id)}`;
}
