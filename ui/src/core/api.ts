/** The only door of the page to the server: JSON in, JSON or a Problem out. */

import { askAhead, takeEarly } from "./ahead";
import type { Page } from "./types";

/** An error of the API (RFC 9457): a code and values; the sentence is made in the reader's language. */
export interface Refusal {
  articles: { id: string; titre: string; title: string; ground: string }[];
  contact: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly actor: "owner" | "operator" | "us",
    readonly values: Record<string, string | number> = {},
    readonly detail = "",
    /** The articles of the charter that refuse, and the person to ask. */
    readonly refusal: Refusal | null = null,
  ) {
    super(detail || code);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined) search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Whether this browser was signed in here: the server alone knows whether it still is. */
export function wasSignedIn(): boolean {
  return cookie("clapas_csrf") !== "";
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** What doors with their own form of error mean, such as NGSI-LD. */
const CODES: Record<number, string> = { 401: "unauthenticated", 403: "forbidden", 404: "not_found" };

async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy may answer with something that is not JSON: the status alone must then speak.
  }
  const byStatus = response.status >= 500 ? "operator" : "owner";
  return new Problem(
    response.status,
    String(body.code ?? CODES[response.status] ?? `http_${response.status}`),
    (body.actor as "owner" | "operator" | "us" | undefined) ?? byStatus,
    (body.values as Record<string, string | number> | undefined) ?? {},
    String(body.detail ?? ""),
    refusalOf(body.values),
  );
}

function refusalOf(values: unknown): Refusal | null {
  const said = values as Partial<Refusal> | undefined;
  return Array.isArray(said?.articles) ? { articles: said.articles, contact: said.contact ?? "" } : null;
}

let whenSignedOut: () => void = () => undefined;

/** Called once by the session: what to do when the server says that nobody is signed in. */
export function onSignedOut(action: () => void): void {
  whenSignedOut = action;
}

const PURPOSE = "clapas.purpose";

/** The purpose that this tab declares with each call, "" when none: personal data is given for a purpose alone. */
export function purpose(): string {
  return sessionStorage.getItem(PURPOSE) ?? "";
}

/** Declares a purpose from now on, until the tab is closed. */
export function declare(name: string): void {
  if (name) sessionStorage.setItem(PURPOSE, name);
  else sessionStorage.removeItem(PURPOSE);
}

async function send(method: string, path: string, body?: unknown, headers: HeadersInit = {}, signal?: AbortSignal): Promise<Response> {
  const all = new Headers(headers);
  if (!all.has("Accept")) all.set("Accept", "application/json");
  if (body !== undefined && !all.has("Content-Type")) all.set("Content-Type", "application/json");
  if (purpose()) all.set("X-Clapas-Purpose", purpose());
  if (method !== "GET") all.set("X-Clapas-CSRF", cookie("clapas_csrf"));
  let response: Response;
  try {
    const early = method === "GET" && all.get("Accept") === "application/json" && !purpose() ? takeEarly(path) : undefined;
    response = await (early ?? fetch(path, {
      method,
      headers: all,
      credentials: "same-origin",
      body: body === undefined ? undefined : body instanceof Blob ? body : JSON.stringify(body),
      signal,
    }));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "operator");
  }
  if (response.ok || response.status === 304) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && !path.startsWith("/api/v1/session")) whenSignedOut();
  throw problem;
}

async function json<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const api = {
  /** Asks now for what a page that is still on its way will ask first. */
  ahead: (path: string, query: Query = {}): void => askAhead(withQuery(`/api/v1${path}`, query)),
  get: async <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
    json<T>(await send("GET", withQuery(`/api/v1${path}`, query), undefined, {}, signal)),
  text: async (path: string, query: Query, accept: string): Promise<string> =>
    (await send("GET", withQuery(`/api/v1${path}`, query), undefined, { Accept: accept })).text(),
  file: async (path: string, accept: string): Promise<Blob> =>
    (await send("GET", `/api/v1${path}`, undefined, { Accept: accept })).blob(),
  post: async <T>(path: string, body: unknown = {}, headers: HeadersInit = {}): Promise<T> =>
    json<T>(await send("POST", `/api/v1${path}`, body, headers)),
  /** A file as it is: the body of the call. */
  upload: async <T>(path: string, query: Query, file: Blob): Promise<T> =>
    json<T>(await send("POST", withQuery(`/api/v1${path}`, query), file, { "Content-Type": "application/octet-stream" })),
  put: async <T>(path: string, body: unknown): Promise<T> => json<T>(await send("PUT", `/api/v1${path}`, body)),
  patch: async <T>(path: string, body: unknown): Promise<T> => json<T>(await send("PATCH", `/api/v1${path}`, body)),
  delete: async (path: string): Promise<void> => {
    await send("DELETE", `/api/v1${path}`);
  },
};

const BROKER = "/ngsi-ld/v1";

/** The NGSI-LD door, with the same session. */
export const ngsild = {
  address: (path: string, query: Query = {}): string => withQuery(`${BROKER}${path}`, query),
  get: async <T>(path: string, query: Query = {}, signal?: AbortSignal, accept = "application/json"): Promise<T> =>
    json<T>(await send("GET", withQuery(`${BROKER}${path}`, query), undefined, { Accept: accept }, signal)),
  post: async <T>(path: string, body: unknown): Promise<T> => json<T>(await send("POST", `${BROKER}${path}`, body)),
  patch: async <T>(path: string, body: unknown): Promise<T> => json<T>(await send("PATCH", `${BROKER}${path}`, body)),
};

/** Lists come as pages, a few small ones as plain arrays: read both the same way. */
export function pageOf<T>(answer: Page<T> | T[]): Page<T> {
  return Array.isArray(answer) ? { items: answer, next: null } : answer;
}

export async function list<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Page<T>> {
  return pageOf(await api.get<Page<T> | T[]>(path, query, signal));
}

const MOST_PAGES = 12;

/** A list kept by something that the server filters page by page, or not at all: asks on until a page is full. */
export async function sift<T>(path: string, query: Query, keep: ((item: T) => boolean) | null, signal?: AbortSignal): Promise<Page<T>> {
  if (!keep) return list<T>(path, query, signal);
  const kept: T[] = [];
  let after = query.after;
  for (let page = 0; page < MOST_PAGES; page++) {
    const found = await list<T>(path, { ...query, after, limit: 1000 }, signal);
    kept.push(...found.items.filter(keep));
    if (!found.next || kept.length >= Number(query.limit ?? 50)) return { items: kept, next: found.next };
    after = found.next;
  }
  return { items: kept, next: String(after) };
}
